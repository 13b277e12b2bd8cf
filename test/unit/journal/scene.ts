// A data directory with a real store and journal in it, for the tests of this room.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../src/base/clock.ts';
import { type FaultPoint, noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import type { JournalVerdict, NewEvent } from '../../../src/contracts/journal.ts';
import { type OpenJournal, openJournal } from '../../../src/journal/journal.ts';
import { loadJournalKey, readJournalKey } from '../../../src/journal/key.ts';
import { verifyJournal } from '../../../src/journal/verify.ts';
import { openStore, openStoreReadOnly, type Store } from '../../../src/store/open.ts';

export interface Scene {
  readonly dataDir: string;
  readonly store: Store;
  readonly journal: OpenJournal;
  readonly key: Uint8Array;
  readonly headFile: string;
  close(): Promise<void>;
}

export const fixedClock: Clock = { now: () => 1_764_000_000_000, monotonic: () => 0 };

/** Runs the test on a new directory and removes it, whatever happened. */
export async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-journal-'));
  try {
    await test(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function openScene(dataDir: string, faults: FaultPoint = noFaults): Promise<Scene> {
  const store = await openStore({ dataDir, faults });
  try {
    const key = await loadJournalKey(join(dataDir, 'journal.key'), store);
    const journal = await openJournal({ store, key, clock: fixedClock, faults });
    return { dataDir, store, journal, key, headFile: join(dataDir, 'journal.head'), close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

export async function inScene(test: (scene: Scene) => Promise<void>, faults: FaultPoint = noFaults): Promise<void> {
  await inDirectory(async (directory) => {
    const scene = await openScene(directory, faults);
    try {
      await test(scene);
    } finally {
      await scene.close();
    }
  });
}

/** Verifies a data directory that nobody has open, as `caisson journal verify` does. */
export async function verifyDirectory(dataDir: string): Promise<JournalVerdict> {
  const store = await openStoreReadOnly(join(dataDir, 'caisson.db'));
  try {
    const key = await readJournalKey(join(dataDir, 'journal.key'));
    return await verifyJournal({ store, headFile: join(dataDir, 'journal.head'), key });
  } finally {
    await store.close();
  }
}

/** An event with a content of its own. */
export function said(chain: string, text: string): NewEvent {
  return { chain, step: 1, body: { type: 'message_received', by: 'key_1', textHash: sha256(text) }, contents: [text] };
}

export function opened(run: string): NewEvent {
  return { chain: 'service', body: { type: 'run_opened', run, owner: 'key_1' } };
}

/** A journal with a sealed run, one that grew after its seal, one sealed twice, and one still open. */
export async function fillScene({ journal }: Scene): Promise<void> {
  for (const run of ['run_a', 'run_b', 'run_c', 'run_d']) {
    await journal.append([opened(run)]);
    for (let index = 1; index <= 6; index += 1) {
      await journal.append([said(run, `${run} says ${index}`)]);
    }
    if (run !== 'run_d') await journal.sealRun(run);
  }
  await journal.append([said('run_b', 'a word after the end'), said('run_b', 'another')]);
  await journal.append([said('run_c', 'a word after the end')]);
  await journal.sealRun('run_c');
  await journal.prune(sha256('run_a says 2'));
}
