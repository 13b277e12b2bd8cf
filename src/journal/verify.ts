// Owns the verification of a journal as its callers see it: a verdict, found in a thread of its own. Knows no rule of the format.
import { Worker } from 'node:worker_threads';
import { CaissonError, errorFrom } from '../base/errors.ts';
import type { JournalVerdict } from '../contracts/journal.ts';
import type { Store } from '../store/open.ts';
import type { VerifyAnswer, VerifySetup } from './verify-worker.ts';

const WORKER = new URL('./verify-worker.ts', import.meta.url);

/**
 * Checks the whole journal of the store's database against the head file. Works on a live database and on a copy, changes neither,
 * and keeps the calling thread free. `key` is undefined if there is none: then a changed head cannot be told.
 * Rejects only if the database cannot be opened at all.
 */
export async function verifyJournal(options: {
  readonly store: Store;
  readonly headFile: string;
  readonly key: Uint8Array | undefined;
}): Promise<JournalVerdict> {
  const { store, headFile, key } = options;
  const setup: VerifySetup = { file: store.file, headFile, key: key === undefined ? undefined : Uint8Array.from(key) };
  const answer = await ask(setup);
  if (!answer.ok) throw errorFrom(answer.report);
  return answer.verdict;
}

function ask(workerData: VerifySetup): Promise<VerifyAnswer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(WORKER, { workerData });
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(new CaissonError('internal', 'the verification ended without a verdict')));
  });
}
