// Owns the form of what the executor's two sides say to each other: one JSON object a line. Knows no socket.
import { StringDecoder } from 'node:string_decoder';
import type { ErrorReport } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';

/** The methods of the executor that cross the wire, by name. */
export const METHODS = ['probe', 'open', 'exec', 'cancel', 'close', 'sweep'] as const;
export type Method = (typeof METHODS)[number];

export interface Call {
  readonly id: number;
  readonly method: Method;
  readonly argument?: unknown;
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorReport };

/** A line longer than this ends the connection: more than any command, standard input or output may be. */
const LINE_BYTES = 4 * LIMITS.editFileBytes + 8 * LIMITS.toolArgumentBytes;

/** Calls `onLine` for each whole line; `onTooLong` once a line passes the ceiling. */
export function createLineReader(onLine: (line: string) => void, onTooLong: () => void): (chunk: Buffer) => void {
  const decoder = new StringDecoder('utf8');
  let parts: string[] = [];
  let length = 0;
  return (chunk) => {
    const lines = decoder.write(chunk).split('\n');
    const last = lines.pop() ?? '';
    for (const line of lines) {
      parts.push(line);
      onLine(parts.join(''));
      parts = [];
      length = 0;
    }
    parts.push(last);
    length += last.length;
    if (length > LINE_BYTES) onTooLong();
  };
}
