// Owns finding the lines of a text that a wrong quotation most likely meant. Knows no file and no tool.

const AROUND = 2;
const SHOWN_LINES = 40;
const LINE_CHARACTERS = 200;
const COMPARED_LINES = 20_000;

/** Line number, from 1, of the character at `at`. */
export function lineOf(text: string, at: number): number {
  let line = 1;
  for (let next = text.indexOf('\n'); next !== -1 && next < at; next = text.indexOf('\n', next + 1)) line += 1;
  return line;
}

/** The lines, numbered, that equal `wanted` when white space is left out of account; undefined if none do. */
export function sameButForSpace(text: string, wanted: string): string | undefined {
  const lines = text.split('\n');
  const squeezed = lines.map(squeeze);
  const old = wanted.split('\n').map(squeeze);
  while (old.length > 1 && old.at(-1) === '') old.pop();
  while (old.length > 1 && old[0] === '') old.shift();
  if (old.every((line) => line === '')) return undefined;
  const last = Math.max(0, lines.length - old.length);
  for (let at = 0; at <= last; at += 1) {
    if (matchesAt(squeezed, at, old)) return shown(lines, at, at + old.length);
  }
  return undefined;
}

/** The lines, numbered, around the place that shares most with `wanted`; undefined if nothing is like it. */
export function closestLines(text: string, wanted: string): string | undefined {
  const lines = text.split('\n');
  const old = wanted.split('\n').slice(0, 200);
  const at = bestByVotes(lines, old) ?? bestByLetters(lines, old);
  return at === undefined ? undefined : shown(lines, at - AROUND, at + old.length + AROUND);
}

/** A quotation that starts or ends within a line matches the part of that line. */
function matchesAt(lines: readonly string[], at: number, old: readonly string[]): boolean {
  return old.every((line, index) => {
    const there = lines[at + index] ?? '';
    if (old.length === 1) return there.includes(line);
    if (index === 0) return there.endsWith(line);
    return index === old.length - 1 ? there.startsWith(line) : there === line;
  });
}

function bestByVotes(lines: readonly string[], old: readonly string[]): number | undefined {
  const placesOf = new Map<string, number[]>();
  lines.slice(0, COMPARED_LINES).forEach((line, at) => {
    const key = squeeze(line);
    const places = placesOf.get(key) ?? [];
    if (places.length < 50) placesOf.set(key, [...places, at]);
  });
  const votes = new Map<number, number>();
  old.forEach((line, index) => {
    const key = squeeze(line);
    if (key.length < 2) return;
    for (const at of placesOf.get(key) ?? []) votes.set(at - index, (votes.get(at - index) ?? 0) + 1);
  });
  const [best] = [...votes].sort(([leftAt, left], [rightAt, right]) => right - left || leftAt - rightAt);
  return best?.[0];
}

function bestByLetters(lines: readonly string[], old: readonly string[]): number | undefined {
  const longest = old.reduce(
    (best, line, at) => (squeeze(line).length > squeeze(old[best] ?? '').length ? at : best),
    0,
  );
  const wanted = pairsOf(old[longest] ?? '');
  if (wanted.size === 0) return undefined;
  let best = { at: -1, score: 0.4 };
  lines.slice(0, COMPARED_LINES).forEach((line, at) => {
    const score = likeness(wanted, pairsOf(line));
    if (score > best.score) best = { at, score };
  });
  return best.at === -1 ? undefined : best.at - longest;
}

function pairsOf(line: string): Set<string> {
  const text = squeeze(line).slice(0, LINE_CHARACTERS);
  return new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2)));
}

function likeness(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  if (right.size === 0) return 0;
  let common = 0;
  for (const pair of left) if (right.has(pair)) common += 1;
  return (2 * common) / (left.size + right.size);
}

function squeeze(line: string): string {
  return line.replaceAll(/\s+/g, '');
}

function shown(lines: readonly string[], from: number, to: number): string {
  const start = Math.max(0, from);
  return lines
    .slice(start, Math.min(to, start + SHOWN_LINES))
    .map((line, index) => `${start + index + 1}|${clip(line)}\n`)
    .join('');
}

function clip(line: string): string {
  const text = line.replace(/\r$/, '');
  return text.length > LINE_CHARACTERS ? `${text.slice(0, LINE_CHARACTERS).toWellFormed()}…` : text;
}
