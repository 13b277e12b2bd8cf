// Owns what a request to the executor must be: ids that are names, boxes below the root, texts without NUL. Knows no sandbox.
import { resolve } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { ExecRequest, OpenSandbox } from '../contracts/executor.ts';
import { isBox } from './out-files.ts';

/** It becomes the name of a file. */
const ID = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

/** Throws `invalid_input`. */
export async function checkOpen(request: OpenSandbox, boxesRoot: string): Promise<void> {
  requireId('sandbox', request.sandbox);
  const { box } = request;
  if (resolve(box) !== box || !box.startsWith(`${boxesRoot}/`))
    throw refusal('box', `the box ${JSON.stringify(box)} does not lie below ${boxesRoot}`);
  if (!(await isBox(box)))
    throw refusal('box', `the box ${JSON.stringify(box)} has no directories work/, home/ and out/ of its own`);
}

/** The request within the ceilings. Throws `invalid_input`. */
export function checkedExec(request: ExecRequest): ExecRequest {
  requireId('exec', request.exec);
  if (request.command.includes('\0')) throw refusal('command', 'the command has a NUL, which no shell can hold');
  const timeoutMs = Math.min(positive('timeoutMs', request.timeoutMs), LIMITS.commandTimeoutMaxMs);
  const outputBytes = Math.min(positive('outputBytes', request.outputBytes), LIMITS.commandOutputBytes);
  return { ...request, timeoutMs, outputBytes };
}

function requireId(field: string, id: string): void {
  if (!ID.test(id)) throw refusal(field, `${JSON.stringify(id)} is no id: letters, digits, "_", "." and "-" only`);
}

function positive(field: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw refusal(field, `${field} must be more than 0, not ${value}`);
}

function refusal(field: string, message: string): CaissonError {
  return new CaissonError('invalid_input', message, { place: { field } });
}
