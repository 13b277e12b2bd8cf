// Owns the writing of GBNF: rules, quoted texts, and texts that end with a mark. Knows no schema and no tool.

export interface Rules {
  /** Adds a rule and gives its name. `make` may use the name: a rule may hold itself. */
  add(hint: string, make: (name: string) => string): string;
  /** Any text up to the mark, which ends it. */
  until(end: string): string;
  count(): number;
  /** The grammar, with `root` as its beginning. */
  write(root: string): string;
}

export function createRules(): Rules {
  const rules = new Map<string, string>();
  const known = new Map<string, string>();
  let made = 0;
  const add: Rules['add'] = (hint, make) => {
    made += 1;
    const name = `${hint}-${made}`;
    rules.set(name, make(name));
    return name;
  };
  return {
    add,
    until: (end) => {
      const before = known.get(end);
      if (before !== undefined) return before;
      const name = addUntil(rules, `until-${known.size}`, end);
      known.set(end, name);
      return name;
    },
    count: () => rules.size,
    write: (root) => [`root ::= ${root}`, ...[...rules].map(([name, body]) => `${name} ::= ${body}`)].join('\n'),
  };
}

/** The text itself, in quotes. */
export function literal(text: string): string {
  const escaped = text.replaceAll(/["\\]/g, (letter) => `\\${letter}`);
  return `"${escaped.replaceAll('\n', '\\n').replaceAll('\r', '\\r').replaceAll('\t', '\\t')}"`;
}

/** One rule for each beginning of the mark that may just have been read. */
function addUntil(rules: Map<string, string>, name: string, end: string): string {
  const letters = Array.from(end);
  const alphabet = [...new Set(letters)];
  const state = (at: number) => (at === 0 ? name : `${name}-${at}`);
  for (const at of letters.keys()) {
    const ways = alphabet.map((letter) => {
      const next = advance(letters, at, letter);
      return `${literal(letter)}${next === letters.length ? '' : ` ${state(next)}`}`;
    });
    rules.set(state(at), [...ways, `[^${alphabet.map(inClass).join('')}] ${name}`].join(' | '));
  }
  return name;
}

/** How much of the mark has been read when the letter follows its first `at` letters. */
function advance(mark: readonly string[], at: number, letter: string): number {
  const read = [...mark.slice(0, at), letter];
  for (let count = read.length; count > 0; count -= 1)
    if (read.slice(read.length - count).every((one, index) => one === mark[index])) return count;
  return 0;
}

function inClass(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  if (/^[A-Za-z0-9]$/.test(letter)) return letter;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : letter;
}
