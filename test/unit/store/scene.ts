// A data directory with a real store in it, for the tests of this room.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultPoint, noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import type { EventRow } from '../../../src/store/events.ts';
import type { SideFile } from '../../../src/store/messages.ts';
import { openStore, type Store } from '../../../src/store/open.ts';

/** Runs the test on a new directory and removes it, whatever happened. */
export async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-store-'));
  try {
    await test(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function inStore(
  test: (store: Store, directory: string) => Promise<void>,
  faults: FaultPoint = noFaults,
): Promise<void> {
  await inDirectory(async (directory) => {
    const store = await openStore({ dataDir: directory, faults });
    try {
      await test(store, directory);
    } finally {
      await store.close();
    }
  });
}

/** A row that follows the one before it, with a hash that is no real one: the store does not mind. */
export function row(chain: string, seq: number): EventRow {
  const [previous, hash] = [`${chain} ${seq - 1}`, `${chain} ${seq}`];
  return { v: 1, id: `ev ${hash}`, chain, seq, step: 0, time: 0, parent: '', body: '{}', previous, hash };
}

/** Stores one row, with a content of its own if `text` is given. */
export function appendRow(store: Store, event: EventRow, text?: string, side?: SideFile): Promise<void> {
  const given = text === undefined ? { contents: [], named: [] } : { contents: [text], named: [sha256(text)] };
  return store.write('appendEvents', { rows: [event], ...given, sealKey: '00' }, side);
}

export async function readChain(store: Store, chain: string): Promise<readonly number[]> {
  const events = await store.read('readEvents', { chain, after: 0, limit: 100_000 });
  return events.map(({ seq }) => seq);
}
