// Owns the text form of a patch over several files: what it says, not whether it fits. Knows no file.
import type { Parsed } from './arguments.ts';

export interface HunkLine {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

export interface Hunk {
  /** Lines that must come before the place, in order; '' never occurs. */
  readonly anchors: readonly string[];
  readonly lines: readonly HunkLine[];
  /** The old lines are the last ones of the file. */
  readonly atEnd: boolean;
  /** Line of the patch, from 1, for messages. */
  readonly at: number;
}

export type FilePatch =
  | { readonly kind: 'add'; readonly path: string; readonly text: string }
  | { readonly kind: 'delete'; readonly path: string }
  | {
      readonly kind: 'update';
      readonly path: string;
      readonly moveTo: string | undefined;
      readonly hunks: readonly Hunk[];
    };

const BEGIN = '*** Begin Patch';
const END = '*** End Patch';
const END_OF_FILE = '*** End of File';
const HEADER = /^\*\*\* (Update|Add|Delete|Move) File: *(.+)$/;
const MOVE_TO = /^\*\*\* Move to: *(.+)$/;
const UNIFIED = /^@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@ ?(.*)$/;

class PatchProblem extends Error {}

interface Reader {
  readonly lines: readonly string[];
  at: number;
}

/** Reads the whole patch. The message says the line of the patch and what was expected there. */
export function parsePatch(text: string): Parsed<readonly FilePatch[]> {
  const lines = text
    .replaceAll('\r\n', '\n')
    .trimEnd()
    .replace(/^\s*\n/, '')
    .split('\n');
  const reader: Reader = { lines, at: 0 };
  try {
    return { ok: true, value: readPatch(reader) };
  } catch (error) {
    if (!(error instanceof PatchProblem)) throw error;
    const line = lines[reader.at];
    const seen = line === undefined ? 'its end' : JSON.stringify(line.slice(0, 120));
    return { ok: false, message: `line ${reader.at + 1} of the patch is ${seen}: ${error.message}` };
  }
}

/** Every path the patch touches, once each, in order. */
export function patchPaths(files: readonly FilePatch[]): readonly string[] {
  const paths = files.flatMap((file) =>
    file.kind === 'update' && file.moveTo !== undefined ? [file.path, file.moveTo] : [file.path],
  );
  return [...new Set(paths)];
}

function readPatch(reader: Reader): readonly FilePatch[] {
  if (peek(reader)?.trim() !== BEGIN) throw new PatchProblem(`expected ${BEGIN}`);
  reader.at += 1;
  const files: FilePatch[] = [];
  while (peek(reader)?.trim() !== END) files.push(readFile(reader));
  if (files.length === 0) throw new PatchProblem('the patch changes nothing');
  reader.at += 1;
  if (reader.at < reader.lines.length) throw new PatchProblem(`nothing may follow ${END}`);
  return files;
}

function readFile(reader: Reader): FilePatch {
  const header = HEADER.exec(peek(reader) ?? '');
  if (header === null) throw new PatchProblem(`expected *** Update File: PATH, or Add, Delete, Move, or ${END}`);
  const [, kind, name = ''] = header;
  const path = name.trim();
  if (path === '') throw new PatchProblem('the path is missing');
  reader.at += 1;
  if (kind === 'Delete') return { kind: 'delete', path };
  if (kind === 'Add') return { kind: 'add', path, text: readAdded(reader) };
  return readUpdate(reader, path, kind === 'Move');
}

function readAdded(reader: Reader): string {
  let text = '';
  for (let line = peek(reader); line !== undefined && !line.startsWith('*** '); line = peek(reader)) {
    if (!line.startsWith('+')) throw new PatchProblem('each line of an added file starts with +');
    text += `${line.slice(1)}\n`;
    reader.at += 1;
  }
  return text;
}

function readUpdate(reader: Reader, path: string, moves: boolean): FilePatch {
  const moveTo = MOVE_TO.exec(peek(reader) ?? '')?.[1]?.trim();
  if (moveTo !== undefined) reader.at += 1;
  else if (moves) throw new PatchProblem('expected *** Move to: NEW PATH');
  const hunks: Hunk[] = [];
  for (let line = peek(reader); line !== undefined && !isBoundary(line); line = peek(reader))
    hunks.push(readHunk(reader));
  if (hunks.length === 0 && moveTo === undefined) throw new PatchProblem(`${path} has no changed lines`);
  return { kind: 'update', path, moveTo, hunks };
}

function readHunk(reader: Reader): Hunk {
  const at = reader.at + 1;
  const anchors = readAnchors(reader);
  const lines = readHunkLines(reader);
  const atEnd = peek(reader)?.trimEnd() === END_OF_FILE;
  if (lines.every((line) => line.sign === ' '))
    throw new PatchProblem('expected a line that starts with - or + (context lines start with a space)');
  if (atEnd) reader.at += 1;
  return { anchors, lines, atEnd, at };
}

function readAnchors(reader: Reader): readonly string[] {
  const anchors: string[] = [];
  for (let line = peek(reader); line?.startsWith('@@') === true; line = peek(reader)) {
    const anchor = (UNIFIED.exec(line)?.[1] ?? line.slice(2)).trim();
    if (anchor !== '') anchors.push(anchor);
    reader.at += 1;
  }
  return anchors;
}

/** Blank lines just before a boundary belong to nobody: models put them between files. */
function readHunkLines(reader: Reader): readonly HunkLine[] {
  const lines: HunkLine[] = [];
  let blanks = 0;
  for (let line = peek(reader); line !== undefined && !endsHunk(line); line = peek(reader)) {
    blanks = line === '' ? blanks + 1 : 0;
    if (!line.startsWith('\\')) lines.push(hunkLine(line));
    reader.at += 1;
  }
  return lines.slice(0, lines.length - blanks);
}

function hunkLine(line: string): HunkLine {
  if (line === '') return { sign: ' ', text: '' };
  const sign = line.charAt(0);
  if (sign === ' ' || sign === '-' || sign === '+') return { sign, text: line.slice(1) };
  throw new PatchProblem('expected a line that starts with a space, - or +');
}

function endsHunk(line: string): boolean {
  return line.startsWith('@@') || isBoundary(line) || line.trimEnd() === END_OF_FILE;
}

function isBoundary(line: string): boolean {
  return HEADER.test(line) || line.trimEnd() === END;
}

function peek(reader: Reader): string | undefined {
  return reader.lines[reader.at];
}
