// Owns the spoiling of values and texts at random, the same for the same seed. Knows no request and no answer.

/** The same numbers for the same seed, from 0 to 1. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'x'.repeat(5000),
  '\u0000\ud800',
  [],
  {},
  [[[]]],
  [null],
  { type: 'text' },
  { type: 'function', function: {} },
  { __proto__: null, constructor: { prototype: 1 } },
  { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] },
];

/** The same value with one place in it spoilt. */
export function spoil(value: unknown, random: () => number): unknown {
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)];
  if (random() < 0.15 || typeof value !== 'object' || value === null) return pick(VALUES);
  if (Array.isArray(value)) {
    const at = Math.floor(random() * (value.length + 1));
    return random() < 0.2 ? value.toSpliced(at, 1) : value.toSpliced(at, 1, spoil(value[at], random));
  }
  const name = pick(Object.keys(value)) ?? 'x';
  const { [name as keyof typeof value]: inner, ...rest } = value;
  return random() < 0.2 ? { ...rest, [`${name}?`]: inner } : { ...rest, [name]: spoil(inner, random) };
}

export function spoilText(text: string, random: () => number): string {
  const at = Math.floor(random() * text.length);
  return random() < 0.5
    ? text.slice(0, at)
    : `${text.slice(0, at)}${String.fromCharCode(random() * 256)}${text.slice(at + 1)}`;
}
