// Owns the opening of the journal: what the head says against what the database has. Knows no event's meaning.
import { CaissonError } from '../base/errors.ts';
import type { Store } from '../store/open.ts';
import { deriveKey, type Head, HEAD_FILE, headWriter, readHead } from './head.ts';
import { readIfThere } from './key.ts';
import { createTails, refresh, type Tails } from './tails.ts';

/**
 * The ends of all open chains and how many events lay beyond the head. Makes the first head of a new journal.
 * Throws `journal_broken` if the head is missing, forged, or counts what is not there.
 */
export async function recoverTails(
  store: Store,
  headFile: string,
  key: Uint8Array,
): Promise<{ readonly tails: Tails; readonly recovered: number }> {
  const tails = createTails();
  const text = await readIfThere(headFile);
  if (text === undefined) await startHead(store, headFile, key);
  else takeHead(tails, await trustedHead(store, headFile, text, key));
  return { tails, recovered: await refresh(tails, store) };
}

async function startHead(store: Store, headFile: string, key: Uint8Array): Promise<void> {
  const stored = await store.write('placesBeyond', { count: 0 });
  if (stored.length > 0)
    throw new CaissonError('journal_broken', `${headFile} is missing although ${stored.length} events are stored`);
  const nothing = { rows: [], contents: [], named: [], sealKey: deriveKey(key, 'contents') };
  await store.write('appendEvents', nothing, { name: HEAD_FILE, text: headWriter(key)({ events: 0, chains: [] }) });
}

async function trustedHead(store: Store, headFile: string, text: string, key: Uint8Array): Promise<Head> {
  const reading = readHead(text, key);
  if (reading.state !== 'read') throw new CaissonError('journal_broken', `${headFile}: ${reading.detail}`);
  const places = reading.head.chains.map(([chain, seq, hash]) => ({ chain, seq, hash }));
  const [missing] = await store.write('missingPlaces', { places });
  if (missing !== undefined)
    throw new CaissonError(
      'journal_broken',
      `event ${missing.chain}#${missing.seq}, which ${HEAD_FILE} counts, is missing or was changed`,
    );
  return reading.head;
}

function takeHead(tails: Tails, head: Head): void {
  for (const [chain, count, hash] of head.chains) tails.chains.set(chain, { count, hash, open: true });
  tails.events = head.events;
}
