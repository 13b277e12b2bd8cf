// Owns the output of one command: head and tail in memory, the whole in a file if wished, exact counts. Knows no process.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ExecOutput } from '../contracts/executor.ts';

export interface Collector {
  add(chunk: Buffer): void;
  bytes(): number;
  finish(): ExecOutput;
}

const NEWLINE = 0x0a;

/** What was collected so far: everything while it is short, head and tail from then on. */
interface Collected {
  readonly room: number;
  whole: Buffer[];
  bytes: number;
  newlines: number;
  last: number;
  head: Buffer;
  /** One byte more than is given: it tells whether a line begins behind it. */
  tail: Buffer;
  file: number | undefined;
}

interface CollectorOptions {
  readonly outputBytes: number;
  /** Where the whole output goes once it is longer than `outputBytes`. The folder must not be writable by the sandbox. */
  readonly keep?: { readonly hostPath: string; readonly insidePath: string };
}

const NOTHING = Buffer.alloc(0);

export function createCollector(options: CollectorOptions): Collector {
  const room = Math.max(2, options.outputBytes);
  const seen: Collected = {
    room,
    whole: [],
    bytes: 0,
    newlines: 0,
    last: NEWLINE,
    head: NOTHING,
    tail: NOTHING,
    file: undefined,
  };
  return {
    add: (chunk) => {
      if (chunk.length > 0) take(seen, chunk, options);
    },
    bytes: () => seen.bytes,
    finish: () => {
      if (seen.file !== undefined) closeSync(seen.file);
      return seen.bytes <= room ? wholeOutput(seen) : cutOutput(seen, options);
    },
  };
}

function take(seen: Collected, chunk: Buffer, options: CollectorOptions): void {
  const wasShort = seen.bytes <= seen.room;
  seen.bytes += chunk.length;
  seen.newlines += countNewlines(chunk);
  seen.last = chunk.at(-1) ?? seen.last;
  if (wasShort) seen.whole.push(chunk);
  if (seen.bytes <= seen.room) return;
  if (wasShort) {
    overflow(seen, options);
    return;
  }
  const held = Math.floor(seen.room / 2) + 1;
  seen.tail = Buffer.from(Buffer.concat([seen.tail, chunk.subarray(-held)]).subarray(-held));
  keepOn(seen, chunk);
}

function overflow(seen: Collected, options: CollectorOptions): void {
  const half = Math.floor(seen.room / 2);
  const all = Buffer.concat(seen.whole);
  seen.whole = [];
  seen.head = Buffer.from(all.subarray(0, half));
  seen.tail = Buffer.from(all.subarray(-half - 1));
  if (options.keep === undefined) return;
  seen.file = openKept(options.keep.hostPath);
  keepOn(seen, all);
}

/** A disk that is full ends the keeping, not the command. */
function keepOn(seen: Collected, bytes: Buffer): void {
  if (seen.file === undefined) return;
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(seen.file, bytes, at);
  } catch {
    closeSync(seen.file);
    seen.file = undefined;
  }
}

function linesOf({ bytes, newlines, last }: Collected): number {
  return newlines + (bytes > 0 && last !== NEWLINE ? 1 : 0);
}

function wholeOutput(seen: Collected): ExecOutput {
  const head = Buffer.concat(seen.whole).toString('utf8');
  return { head, tail: '', bytes: seen.bytes, lines: linesOf(seen), cutBytes: 0, cutLines: 0 };
}

function cutOutput(seen: Collected, { keep }: CollectorOptions): ExecOutput {
  const head = wholeLinesAtEnd(wholeCharactersAtEnd(seen.head));
  const tail = wholeLinesAtStart(seen.tail);
  return {
    head: head.toString('utf8'),
    tail: tail.toString('utf8'),
    bytes: seen.bytes,
    lines: linesOf(seen),
    cutBytes: seen.bytes - head.length - tail.length,
    cutLines: seen.newlines - countNewlines(head) - countNewlines(tail),
    ...(seen.file === undefined || keep === undefined ? {} : { path: keep.insidePath }),
  };
}

/** Undefined if the file cannot be made: then the whole output is simply not kept. */
function openKept(path: string): number | undefined {
  try {
    return openSync(path, 'wx', 0o644);
  } catch {
    return undefined;
  }
}

function countNewlines(bytes: Buffer): number {
  let count = 0;
  for (const byte of bytes) if (byte === NEWLINE) count += 1;
  return count;
}

/** Leaves out a line that the cut went through, unless that is more than half of all. */
function wholeLinesAtEnd(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(NEWLINE) + 1;
  return end > bytes.length / 2 ? bytes.subarray(0, end) : bytes;
}

function wholeLinesAtStart(held: Buffer): Buffer {
  const bytes = wholeCharactersAtStart(held.subarray(1));
  const start = bytes.indexOf(NEWLINE) + 1;
  return held[0] !== NEWLINE && start > 0 && start < bytes.length / 2 ? bytes.subarray(start) : bytes;
}

/** Leaves out a character that the cut went through. */
function wholeCharactersAtEnd(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const wanted = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return wanted > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
}

function wholeCharactersAtStart(bytes: Buffer): Buffer {
  let from = 0;
  while (from < 3 && from < bytes.length && ((bytes[from] ?? 0) & 0xc0) === 0x80) from += 1;
  return bytes.subarray(from);
}
