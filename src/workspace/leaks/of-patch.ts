// Owns which secrets a patch adds, and where. Knows no tree: a patch is text.
import type { SecretPlace } from '../../contracts/workspace.ts';
import { findSecrets } from './find.ts';

/** More than these are not listed. */
const MOST = 1000;
const HUNK = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/** Lines count from 1 in the file as it is after the patch. What was there before is not told. */
export function secretsOfPatch(patch: string): readonly SecretPlace[] {
  const found: SecretPlace[] = [];
  let path = '';
  const lines = patch.split('\n');
  for (let at = 0; at < lines.length && found.length < MOST;) {
    const line = lines[at] ?? '';
    const [header, before, start, after] = HUNK.exec(line) ?? [];
    at += 1;
    if (line.startsWith('+++ ')) path = pathOf(line);
    if (header === undefined) continue;
    const hunk = readHunk(lines, at, { before: Number(before ?? 1), after: Number(after ?? 1) });
    at = hunk.end;
    found.push(...addedIn(hunk, path, Number(start)));
  }
  return found;
}

interface Hunk {
  /** Index of the first line behind it. */
  readonly end: number;
  /** The new side, and which of its lines are added. */
  readonly text: string;
  readonly added: readonly boolean[];
}

function readHunk(
  lines: readonly string[],
  from: number,
  counts: { readonly before: number; readonly after: number },
): Hunk {
  const text: string[] = [];
  const added: boolean[] = [];
  let { before, after } = counts;
  let at = from;
  for (; at < lines.length && (before > 0 || after > 0); at += 1) {
    const line = lines[at] ?? '';
    const mark = line.charAt(0);
    if (mark === '-') before -= 1;
    else if (mark === '\\') continue;
    else {
      if (mark !== '+') before -= 1;
      after -= 1;
      text.push(line.slice(1));
      added.push(mark === '+');
    }
  }
  return { end: at, text: text.join('\n'), added };
}

function addedIn({ text, added }: Hunk, path: string, first: number): readonly SecretPlace[] {
  return findSecrets(text).flatMap(({ kind, start, end }) => {
    const line = linesBefore(text, start);
    const last = linesBefore(text, end);
    return added.slice(line, last + 1).includes(true) ? [{ path, line: first + line, kind }] : [];
  });
}

export function linesBefore(text: string, end: number): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}

/** As it is shown: a name that git quotes stays quoted. */
function pathOf(line: string): string {
  return line
    .slice('+++ '.length)
    .replace(/^("?)b\//, '$1')
    .replace(/\t$/, '');
}
