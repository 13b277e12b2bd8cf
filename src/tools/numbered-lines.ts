// Owns how lines of a file are shown with their numbers within a ceiling. Knows no file system.
import type { ToolResult } from '../contracts/tools.ts';
import { takeHead, textResult } from './result-text.ts';

export interface FileSlice {
  readonly shown: string;
  /** From the start of line `from`, at most `count` lines, perhaps cut anywhere. */
  readonly bytes: Buffer;
  /** Bytes and lines of the whole file. */
  readonly size: number;
  readonly total: number;
  readonly from: number;
  readonly count: number;
}

const FRAME_BYTES = 400;

export function numberLines(slice: FileSlice, maxBytes: number): ToolResult {
  const { shown, bytes, size, total, from } = slice;
  if (bytes.includes(0))
    return failed(`${shown} is binary, ${size} bytes; look at it with bash (file, xxd, strings)`, maxBytes);
  if (size === 0) return textResult({ status: 'ok' }, `ok\n${shown} is empty`, '', maxBytes);
  if (from > total) return failed(`${shown} has only ${total} lines`, maxBytes);
  const { lines, crlf, lossy } = splitLines(slice);
  const room = maxBytes - FRAME_BYTES - Buffer.byteLength(shown);
  const fitting = fitLines(lines, from, room);
  const last = from + fitting.count - 1;
  const notes = [
    crlf ? 'line ends are CRLF' : '',
    lossy ? 'not UTF-8: bytes that are no text are shown as U+FFFD' : '',
  ].filter((note) => note !== '');
  const status = `ok\n${[`${shown}, lines ${from}-${last} of ${total}`, ...notes].join('; ')}`;
  return textResult({ status: 'ok' }, status, fitting.text + rest(slice, fitting, last), maxBytes);
}

interface Fitting {
  readonly text: string;
  readonly count: number;
  /** The only line shown is not whole. */
  readonly partial: boolean;
}

function fitLines(lines: readonly string[], from: number, room: number): Fitting {
  let text = '';
  let count = 0;
  let used = 0;
  for (const line of lines) {
    const shown = `${from + count}|${line}\n`;
    const bytes = Buffer.byteLength(shown);
    if (used + bytes > room) break;
    text += shown;
    used += bytes;
    count += 1;
  }
  if (count > 0) return { text, count, partial: false };
  return { text: `${takeHead(`${from}|${lines[0] ?? ''}`, room)}\n`, count: 1, partial: true };
}

/** Whole lines of the slice; the first one also if it is not whole. */
function splitLines(slice: FileSlice): {
  readonly lines: readonly string[];
  readonly crlf: boolean;
  readonly lossy: boolean;
} {
  const text = slice.bytes.toString();
  const ended = text.endsWith('\n');
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  const wanted = Math.min(slice.count, slice.total - slice.from + 1);
  if (!ended && (lines.length === 0 || lines.length + 1 === wanted)) lines.push(last);
  const crlf =
    lines.length > 0 && lines.every((line, at) => line.endsWith('\r') || (!ended && at === lines.length - 1));
  const lossy = lines.some((line) => line.includes('\uFFFD'));
  return {
    lines: crlf ? lines.map((line) => line.replace(/\r$/, '')) : lines,
    crlf: crlf && text.includes('\r'),
    lossy,
  };
}

function rest(slice: FileSlice, fitting: Fitting, last: number): string {
  if (fitting.partial) return `[line ${last} is too long to be shown whole: see parts of it with bash, cut -c]\n`;
  const wanted = Math.min(slice.count, slice.total - slice.from + 1);
  if (fitting.count >= wanted) return '';
  return `[lines ${last + 1}-${slice.from + wanted - 1} are not shown: read with from_line ${last + 1}]\n`;
}

function failed(words: string, maxBytes: number): ToolResult {
  return textResult({ status: 'failed' }, `failed: ${words}`, '', maxBytes);
}
