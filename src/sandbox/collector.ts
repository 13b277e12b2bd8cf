// Owns the output of one command: head and tail in memory, the whole in a file if wished, exact counts. Knows no process.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { ExecOutput } from '../contracts/executor.ts';

export interface Collector {
  add(chunk: Buffer): void;
  bytes(): number;
  finish(): ExecOutput;
}

const NEWLINE = 0x0a;

/**
 * `keep`: where the whole output goes as soon as it is longer than `outputBytes`. The folder must not be writable by the sandbox.
 */
export function createCollector(options: {
  readonly outputBytes: number;
  readonly keep?: { readonly hostPath: string; readonly insidePath: string };
}): Collector {
  const room = Math.max(2, options.outputBytes);
  const half = Math.floor(room / 2);
  let whole: Buffer[] = [];
  let total = 0;
  let newlines = 0;
  let last = NEWLINE;
  let head = Buffer.alloc(0);
  let tail = Buffer.alloc(0);
  let file: number | undefined;

  const overflow = () => {
    const all = Buffer.concat(whole);
    whole = [];
    head = Buffer.from(all.subarray(0, half));
    tail = Buffer.from(all.subarray(-half));
    if (options.keep === undefined) return;
    file = openKept(options.keep.hostPath);
    if (file !== undefined) writeSync(file, all);
  };

  return {
    add: (chunk) => {
      if (chunk.length === 0) return;
      for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, at + 1)) newlines += 1;
      last = chunk.at(-1) ?? last;
      const before = total;
      total += chunk.length;
      if (total <= room) {
        whole.push(chunk);
        return;
      }
      if (before <= room) {
        whole.push(chunk);
        overflow();
        return;
      }
      tail = Buffer.from(Buffer.concat([tail, chunk.subarray(-half)]).subarray(-half));
      if (file !== undefined) writeSync(file, chunk);
    },
    bytes: () => total,
    finish: () => {
      if (file !== undefined) closeSync(file);
      const lines = newlines + (total > 0 && last !== NEWLINE ? 1 : 0);
      if (total <= room) {
        const text = Buffer.concat(whole).toString('utf8');
        return { head: text, tail: '', bytes: total, lines, cutBytes: 0, cutLines: 0 };
      }
      const first = wholeCharactersAtEnd(head);
      const end = wholeCharactersAtStart(tail);
      const cutBytes = total - first.length - end.length;
      const cutLines = newlines - countNewlines(first) - countNewlines(end);
      const kept = file === undefined || options.keep === undefined ? {} : { path: options.keep.insidePath };
      return {
        head: first.toString('utf8'),
        tail: end.toString('utf8'),
        bytes: total,
        lines,
        cutBytes,
        cutLines,
        ...kept,
      };
    },
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
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
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
