// Owns fitting the hunks of a patch into a text. Knows no file and no syntax of patches.
import { closestLines } from './closest-lines.ts';
import { isCrlf } from './exact-replace.ts';
import type { Hunk } from './patch-text.ts';

const COMPARISONS = 30_000_000;

export type Patched =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly problem: string; readonly body: string };

/** Lines that may still be compared: a file and a patch of many like lines would else take minutes. */
interface Effort {
  left: number;
}

type Place =
  | { readonly ok: true; readonly at: number }
  | { readonly ok: false; readonly problem: string; readonly body: string };

/**
 * Applies the hunks in order, each after the one before. Old lines must fit at exactly one place (after the anchors: at the first one);
 * white space at the end of a line does not count. Lines of context stay as the file has them; so do line ends and a missing last one.
 */
export function applyHunks(text: string, hunks: readonly Hunk[]): Patched {
  const crlf = isCrlf(text);
  const plain = crlf ? text.replaceAll('\r\n', '\n') : text;
  const ended = plain === '' || plain.endsWith('\n');
  const lines = plain === '' ? [] : (ended ? plain.slice(0, -1) : plain).split('\n');
  const parts: (readonly string[])[] = [];
  const effort: Effort = { left: COMPARISONS };
  let cursor = 0;
  for (const hunk of hunks) {
    const place = findPlace(lines, cursor, hunk, effort);
    if (effort.left <= 0) return refuse(hunk, 'the file has too many like lines; use edit with path, old and new');
    if (!place.ok) return place;
    parts.push(lines.slice(cursor, place.at), newLines(lines, place.at, hunk));
    cursor = place.at + oldLines(hunk).length;
  }
  const result = [...parts, lines.slice(cursor)].flat();
  const joined = result.length === 0 ? '' : result.join('\n') + (ended ? '\n' : '');
  return { ok: true, text: crlf ? joined.replaceAll('\n', '\r\n') : joined };
}

function oldLines(hunk: Hunk): readonly string[] {
  return hunk.lines.filter((line) => line.sign !== '+').map((line) => line.text);
}

function newLines(lines: readonly string[], at: number, hunk: Hunk): readonly string[] {
  const made: string[] = [];
  let from = at;
  for (const line of hunk.lines) {
    if (line.sign === '+') made.push(line.text);
    else {
      if (line.sign === ' ') made.push(lines[from] ?? line.text);
      from += 1;
    }
  }
  return made;
}

function findPlace(lines: readonly string[], cursor: number, hunk: Hunk, effort: Effort): Place {
  let from = cursor;
  for (const anchor of hunk.anchors) {
    effort.left -= lines.length;
    if (effort.left <= 0) break;
    const at = lines.findIndex((line, index) => index >= from && line.trim() === anchor);
    const near = at === -1 ? lines.findIndex((line, index) => index >= from && line.includes(anchor)) : at;
    if (near === -1) return refuse(hunk, `there is no line "${anchor.slice(0, 120)}" after line ${from}`);
    from = near + 1;
  }
  const old = oldLines(hunk);
  if (old.length === 0) return insertionPlace(lines, from, hunk);
  const places = placesOf(lines, from, hunk, effort);
  const [first] = places;
  if (first === undefined) return notFound(lines, from, hunk, effort);
  if (places.length > 1 && hunk.anchors.length === 0) {
    const told = places.slice(0, 10).map((at) => at + 1);
    return refuse(hunk, `its old lines fit at lines ${told.join(', ')}: add context lines, or an @@ line before them`);
  }
  return { ok: true, at: first };
}

/** An anchor may itself be the first old line: models repeat it. */
function placesOf(lines: readonly string[], from: number, hunk: Hunk, effort: Effort): readonly number[] {
  const old = oldLines(hunk);
  const start = hunk.anchors.length === 0 ? from : from - 1;
  const last = lines.length - old.length;
  for (const same of [isSame, isSameButForEnd]) {
    const places: number[] = [];
    for (let at = hunk.atEnd ? Math.max(start, last) : start; at <= last; at += 1) {
      const differs = old.findIndex((line, index) => !same(line, lines[at + index] ?? ''));
      effort.left -= differs === -1 ? old.length : differs + 1;
      if (differs === -1) places.push(at);
      if (places.length > 10 || effort.left <= 0) break;
    }
    if (places.length > 0) return places;
  }
  return [];
}

function insertionPlace(lines: readonly string[], from: number, hunk: Hunk): Place {
  if (hunk.anchors.length > 0 && !hunk.atEnd) return { ok: true, at: from };
  if (hunk.atEnd || lines.length === 0) return { ok: true, at: lines.length };
  return refuse(hunk, 'it only adds lines and does not say where: add context lines, an @@ line, or *** End of File');
}

function notFound(lines: readonly string[], from: number, hunk: Hunk, effort: Effort): Place {
  const earlier = placesOf(lines, 0, { ...hunk, anchors: [], atEnd: false }, effort);
  if (earlier.length > 0) {
    const told = earlier.map((at) => at + 1).join(', ');
    return refuse(
      hunk,
      `its old lines are not after line ${from} but at line ${told}: hunks must come in the order of the file`,
    );
  }
  const near = closestLines(lines.join('\n'), oldLines(hunk).join('\n'));
  if (near === undefined) return refuse(hunk, 'its old lines do not occur in the file, and nothing like them');
  return refuse(hunk, 'its old lines do not occur in the file. The closest lines:', near);
}

function refuse(hunk: Hunk, words: string, body = ''): Extract<Place, { ok: false }> {
  return { ok: false, problem: `the hunk at line ${hunk.at} of the patch does not fit: ${words}`, body };
}

function isSame(left: string, right: string): boolean {
  return left === right;
}

function isSameButForEnd(left: string, right: string): boolean {
  return left.trimEnd() === right.trimEnd();
}
