// Owns what Python takes for white space, ends of lines and characters in a text. Knows no other value.

/** For a class in a regular expression: the white space of `str.isspace`. JavaScript's own differs in six characters. */
export const SPACE = String.raw`\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;

const LEFT = new RegExp(`^[${SPACE}]+`);
const ONE = new RegExp(`[${SPACE}]`);
const LINE_END = new RegExp(String.raw`\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]`, 'g');
const ASTRAL = /[\ud800-\udbff]/;

/** `characters`: those that are taken away; white space if absent. */
export function strip(text: string, characters?: string): string {
  return stripLeft(stripRight(text, characters), characters);
}

export function stripLeft(text: string, characters?: string): string {
  if (characters === undefined) return text.replace(LEFT, '');
  const taken = new Set(characters);
  const points = pointsOf(text);
  const kept = points.findIndex((point) => !taken.has(point));
  return kept === -1 ? '' : points.slice(kept).join('');
}

export function stripRight(text: string, characters?: string): string {
  const taken = characters === undefined ? undefined : new Set(characters);
  let end = text.length;
  while (end > 0) {
    const point = lastPoint(text, end);
    if (taken === undefined ? !ONE.test(point) : !taken.has(point)) break;
    end -= point.length;
  }
  return text.slice(0, end);
}

function lastPoint(text: string, end: number): string {
  const code = text.codePointAt(end - 2);
  return end >= 2 && code !== undefined && code > 0xffff ? text.slice(end - 2, end) : text.slice(end - 1, end);
}

/** Lines without their ends; no empty one after the last end. */
export function linesOf(text: string, keepEnds = false): string[] {
  const lines: string[] = [];
  let start = 0;
  for (const { 0: end, index } of text.matchAll(LINE_END)) {
    lines.push(text.slice(start, index + (keepEnds ? end.length : 0)));
    start = index + end.length;
  }
  return start < text.length ? [...lines, text.slice(start)] : lines;
}

/** Python counts and cuts by code points. */
export function pointsOf(text: string): string[] {
  return ASTRAL.test(text) ? Array.from(text) : text.split('');
}

export function pointCount(text: string): number {
  if (!ASTRAL.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

export function isSpace(text: string): boolean {
  return text !== '' && text.replace(LEFT, '') === '';
}

/** The words between white space. */
export function wordsOf(text: string): string[] {
  return text.split(new RegExp(`[${SPACE}]+`)).filter((word) => word !== '');
}
