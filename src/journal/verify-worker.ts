// Owns the thread of a verification: a connection, one view of the database, and the head that belongs to it. Knows no rule of the format.
import { readFileSync } from 'node:fs';
import { parentPort, type MessagePort, workerData } from 'node:worker_threads';
import { type ErrorReport, reportOf } from '../base/errors.ts';
import type { JournalVerdict } from '../contracts/journal.ts';
import { openReader } from '../store/connection.ts';
import { storeError } from '../store/failures.ts';
import { checkJournal } from './check.ts';
import { type HeadReading, readHead } from './head.ts';

export interface VerifySetup {
  readonly file: string;
  readonly headFile: string;
  readonly key: Uint8Array | undefined;
}

export type VerifyAnswer =
  | { readonly ok: true; readonly verdict: JournalVerdict }
  | { readonly ok: false; readonly report: ErrorReport };

/** Longer than a service needs from its commit to its head. */
const HEAD_MS = 100;

if (parentPort !== null) answer(parentPort, workerData as VerifySetup);

function answer(port: MessagePort, setup: VerifySetup): void {
  port.postMessage(verify(setup) satisfies VerifyAnswer);
  port.close();
}

function verify(setup: VerifySetup): VerifyAnswer {
  try {
    const before = readHead(readIfThere(setup.headFile), setup.key);
    const verdict = check(setup, before);
    const ahead = verdict.completeness.state === 'crashed_before_head';
    return {
      ok: true,
      verdict: ahead && isSignedSince(setup, verdict) ? { ...verdict, completeness: { state: 'complete' } } : verdict,
    };
  } catch (error) {
    return { ok: false, report: reportOf(storeError(error, `cannot verify ${setup.file}`)) };
  }
}

/** Reads the head before the database: a service at work is then never behind it. */
function check({ file, key }: VerifySetup, head: HeadReading): JournalVerdict {
  const connection = openReader(file);
  try {
    connection.exec('BEGIN');
    return checkJournal(connection, head, key);
  } finally {
    connection.close();
  }
}

/** A service at work goes on between the reading of the head and of the database: then its next head counts what was read. */
function isSignedSince({ headFile, key }: VerifySetup, { events }: JournalVerdict): boolean {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, HEAD_MS);
  const after = readHead(readIfThere(headFile), key);
  return after.state === 'read' && after.head.events >= events;
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
