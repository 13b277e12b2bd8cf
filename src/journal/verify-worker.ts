// Owns the thread of a verification: a connection, one view of the database, and the head that belongs to it. Knows no rule of the format.
import { readFileSync } from 'node:fs';
import { parentPort, type MessagePort, workerData } from 'node:worker_threads';
import { type ErrorReport, reportOf } from '../base/errors.ts';
import type { JournalVerdict } from '../contracts/journal.ts';
import { openReader } from '../store/connection.ts';
import { storeError } from '../store/failures.ts';
import { checkJournal } from './check.ts';
import { readHead } from './head.ts';

export interface VerifySetup {
  readonly file: string;
  readonly headFile: string;
  readonly key: Uint8Array | undefined;
}

export type VerifyAnswer =
  | { readonly ok: true; readonly verdict: JournalVerdict }
  | { readonly ok: false; readonly report: ErrorReport };

/** A service that is at work may commit between the reading of the head and the view of the database: look again. */
const ATTEMPTS = 5;
/** Longer than a service needs from its commit to its head. */
const HEAD_MS = 100;

if (parentPort !== null) answer(parentPort, workerData as VerifySetup);

function answer(port: MessagePort, setup: VerifySetup): void {
  port.postMessage(verify(setup) satisfies VerifyAnswer);
  port.close();
}

function verify(setup: VerifySetup): VerifyAnswer {
  try {
    let verdict = verifyOnce(setup);
    for (let attempt = 1; attempt < ATTEMPTS && !verdict.settled; attempt += 1) verdict = verifyOnce(setup);
    return { ok: true, verdict: verdict.verdict };
  } catch (error) {
    return { ok: false, report: reportOf(storeError(error, `cannot verify ${setup.file}`)) };
  }
}

function verifyOnce({ file, headFile, key }: VerifySetup): {
  readonly verdict: JournalVerdict;
  readonly settled: boolean;
} {
  const connection = openReader(file);
  try {
    const text = readIfThere(headFile);
    connection.exec('BEGIN');
    const verdict = checkJournal(connection, readHead(text, key), key);
    if (verdict.completeness.state !== 'crashed_before_head') return { verdict, settled: true };
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HEAD_MS);
    return { verdict, settled: readIfThere(headFile) === text };
  } finally {
    connection.close();
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
