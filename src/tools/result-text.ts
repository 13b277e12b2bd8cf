// Owns the text of a result as the model reads it: a status line, then head and tail with a word about what lies between. Knows no tool.
import type { KillReason } from '../contracts/executor.ts';
import type { CutOutput, ToolOutcome, ToolResult } from '../contracts/tools.ts';
import type { ExecOutput } from '../contracts/executor.ts';

/** Bytes of a result kept for its status line and the line about the cut. */
export const RESULT_FRAME_BYTES = 640;
const STATUS_BYTES = 4000;

/** A result whose body is text that we hold whole. */
export function textResult(outcome: ToolOutcome, status: string, body: string, maxBytes: number): ToolResult {
  return outputResult(outcome, status, wholeOutput(body), maxBytes);
}

/** A result whose body is what a command printed. At most `maxBytes` in all; a failing output gets as much room as a passing one. */
export function outputResult(outcome: ToolOutcome, status: string, output: ExecOutput, maxBytes: number): ToolResult {
  const line = takeHead(status, Math.min(STATUS_BYTES, maxBytes));
  if (output.bytes === 0) return { ...outcome, output: line };
  const room = maxBytes - Buffer.byteLength(line) - 2;
  if (output.cutBytes === 0 && Buffer.byteLength(output.head) <= room)
    return { ...outcome, output: `${line}\n\n${output.head}` };
  const { text, cut } = cutMiddle(output, room);
  return { ...outcome, output: `${line}\n\n${text}`, cut };
}

const KILLED: Readonly<Record<KillReason, string>> = {
  memory: 'memory: a process needed more than the sandbox has; work on less at a time',
  processes: 'processes: more processes than the sandbox allows; start fewer at a time',
  disk: 'disk: the sandbox has no space left; remove what is not needed',
  cpu: 'cpu: a process used more CPU time than the sandbox allows',
  file_size: 'file_size: a file grew larger than the sandbox allows',
  output: 'output: it printed more than the sandbox allows; send the output to a file and look at parts of it',
  cancelled: 'cancelled: the run is being stopped',
  sandbox_gone: 'sandbox_gone: the sandbox ended while the call ran; nobody knows how far it came',
};

/** `said`: what is known of this kill, in place of the words about the reason. */
export function killedStatus(by: KillReason, said?: string): string {
  return said === undefined ? `killed: ${KILLED[by]}` : `killed: ${by}: ${said}`;
}

export function timedOutStatus(afterMs: number): string {
  const seconds = Math.round(afterMs / 100) / 10;
  return (
    `timed out after ${seconds} s; the shell was restarted in the same directory, ` +
    'background processes and variables are lost'
  );
}

export function wholeOutput(text: string): ExecOutput {
  const bytes = Buffer.byteLength(text);
  return { head: text, tail: '', bytes, lines: countLines(text), cutBytes: 0, cutLines: 0 };
}

/** At most `maxBytes` bytes from the start, never half a character. */
export function takeHead(text: string, maxBytes: number): string {
  if (text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes) return text;
  const bytes = Buffer.from(text.slice(0, Math.max(0, maxBytes)));
  let end = Math.max(0, Math.min(maxBytes, bytes.length));
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end);
}

function takeTail(text: string, maxBytes: number): string {
  if (maxBytes <= 0) return '';
  const bytes = Buffer.from(text.slice(-maxBytes));
  let start = Math.max(0, bytes.length - maxBytes);
  while (start < bytes.length && isContinuation(bytes[start])) start += 1;
  return bytes.toString('utf8', start);
}

function cutMiddle(output: ExecOutput, room: number): { readonly text: string; readonly cut: CutOutput } {
  const widest = noteOf({ bytes: output.bytes, lines: output.lines, ...pathOf(output) });
  const free = Math.max(0, room - Buffer.byteLength(widest) - 2);
  const whole = output.cutBytes === 0 && output.tail === '';
  const tailSource = whole ? output.head : output.tail;
  const head = takeHead(output.head, Math.ceil(free / 2));
  const tail = takeTail(whole ? tailSource.slice(head.length) : tailSource, free - Buffer.byteLength(head));
  const left = whole
    ? output.head.slice(head.length, output.head.length - tail.length)
    : output.head.slice(head.length) + output.tail.slice(0, output.tail.length - tail.length);
  const cut: CutOutput = {
    bytes: output.cutBytes + Buffer.byteLength(left),
    lines: output.cutLines + countNewlines(left),
    ...pathOf(output),
  };
  return { text: `${endedLine(head)}${noteOf(cut)}\n${tail}`, cut };
}

function pathOf(output: ExecOutput): { readonly path?: string } {
  return output.path === undefined ? {} : { path: output.path };
}

function noteOf(cut: CutOutput): string {
  const where = cut.path === undefined ? '' : `; whole output: ${cut.path}`;
  return `[… ${cut.bytes} bytes, ${cut.lines} lines left out${where} …]`;
}

function endedLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function countLines(text: string): number {
  return countNewlines(text) + (text === '' || text.endsWith('\n') ? 0 : 1);
}
