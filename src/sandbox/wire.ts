// Owns the form of what the executor's two sides say to each other: one JSON object a line. Knows no socket.
import { StringDecoder } from 'node:string_decoder';
import { z } from 'zod';
import type { ErrorReport } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { egressGrantSchema, egressProfileSchema } from './wire-egress.ts';

const id = z.string().max(128);
const sandboxLimits = z.strictObject({
  processes: z.number(),
  processMemoryBytes: z.number(),
  memoryBytes: z.number(),
  openFiles: z.number(),
  fileBytes: z.number(),
  diskBytes: z.number(),
  diskFiles: z.number(),
  cpuSeconds: z.number(),
});
const openSandbox = z.strictObject({
  sandbox: id,
  run: id,
  purpose: z.enum(['agent', 'check', 'probe', 'setup']),
  box: z.string(),
  limits: sandboxLimits,
  egress: egressProfileSchema.exactOptional(),
});
const execRequest = z.strictObject({
  sandbox: id,
  exec: id,
  command: z.string(),
  timeoutMs: z.number(),
  outputBytes: z.number(),
  keep: z.boolean(),
  stdin: z.string().exactOptional(),
});
const call = z.int().nonnegative();

/** What a client asks. `leave` closes what it opened, and is answered when all of it is dead. */
export const callSchema = z.discriminatedUnion('method', [
  z.strictObject({ id: call, method: z.literal('probe'), argument: z.enum(['start', 'whole']) }),
  z.strictObject({ id: call, method: z.literal('sweep') }),
  z.strictObject({ id: call, method: z.literal('leave') }),
  z.strictObject({ id: call, method: z.literal('open'), argument: openSandbox }),
  z.strictObject({ id: call, method: z.literal('exec'), argument: execRequest }),
  z.strictObject({ id: call, method: z.literal('cancel'), argument: id }),
  z.strictObject({
    id: call,
    method: z.literal('permit'),
    argument: z.strictObject({ sandbox: id, grant: egressGrantSchema }),
  }),
  z.strictObject({ id: call, method: z.literal('close'), argument: id }),
]);

export type Call = z.output<typeof callSchema>;

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: ErrorReport };

/** A line longer than this ends the connection: more than any command, standard input or output may be. */
export const LINE_LETTERS = 4 * LIMITS.editFileBytes + 8 * LIMITS.toolArgumentBytes;

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
    if (length > LINE_LETTERS) onTooLong();
  };
}
