// Owns appending to the journal: one flush at a time, each with its head, and nobody hears of an event before it is durable.
// Knows the store's words, no SQL.
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { CaissonError } from '../base/errors.ts';
import type { FaultPoint } from '../base/faults.ts';
import type { Journal, NewEvent } from '../contracts/journal.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { EventRow } from '../store/events.ts';
import type { Store } from '../store/open.ts';
import { type Entry, newEntry, sealEntry } from './entry.ts';
import { eventOf, linkHash } from './format.ts';
import { deriveKey, type Head, HEAD_FILE, headWriter } from './head.ts';
import { createListeners, type Listeners } from './listeners.ts';
import { recoverTails } from './recover.ts';
import { catchUp, type Draft, draftFlush, keepDraft, loadTails, type Tails } from './tails.ts';

/** Appends of one flush at most; those that wait longer go into the next. */
const FLUSH_ENTRIES = 500;

export interface OpenJournal extends Journal {
  /** Holds count and last hash of the run's chain in the service's chain. No-op if it has not grown since its last seal. */
  sealRun(run: string): Promise<void>;
  /** Forgets the text of a content and keeps its hash. False if it was not stored or was forgotten already. */
  prune(hash: string): Promise<boolean>;
  /** Events that were found beyond the head at the opening, as after a crash. */
  readonly recovered: number;
}

interface Desk {
  readonly store: Store;
  readonly sealKey: string;
  readonly headText: (head: Head) => string;
  readonly clock: Clock;
  readonly faults: FaultPoint;
  readonly tails: Tails;
  readonly listeners: Listeners;
  readonly queue: Entry[];
  flushing: boolean;
}

interface Failure {
  readonly error: unknown;
  /** True if the database was looked at and has nothing of the flush. */
  readonly undone: boolean;
}

/**
 * Opens the journal of the store's data directory. Throws `journal_broken` if the head is missing or forged or counts events
 * that are not there: going on would sign the loss.
 * Fault points: `before:journal.append`, `after:journal.append` (durable, nobody told yet), beside those of the store.
 */
export async function openJournal(options: {
  readonly store: Store;
  readonly key: Uint8Array;
  readonly clock: Clock;
  readonly faults: FaultPoint;
}): Promise<OpenJournal> {
  const { store, key, clock, faults } = options;
  const { tails, recovered } = await recoverTails(store, `${dirname(store.file)}/${HEAD_FILE}`, key);
  const sealKey = deriveKey(key, 'contents');
  const fixed = { store, clock, faults, sealKey, headText: headWriter(key) };
  const desk: Desk = { ...fixed, tails, listeners: createListeners(), queue: [], flushing: false };
  return {
    recovered,
    append: (events) => append(desk, events),
    sealRun: (run) => sealRun(desk, run),
    read: (chain, after, limit) => read(store, chain, after, limit),
    content: (hash) => store.read('readContent', { hash }),
    prune: (hash) => store.write('pruneContent', { hash, sealKey }),
    subscribe: (listener) => desk.listeners.add(listener),
  };
}

async function append(desk: Desk, events: readonly NewEvent[]): Promise<readonly RunEvent[]> {
  if (events.length === 0) return [];
  const now = desk.clock.now();
  desk.faults('before:journal.append');
  return enqueue(desk, newEntry(events, now));
}

async function sealRun(desk: Desk, run: string): Promise<void> {
  desk.faults('before:journal.append');
  await enqueue(desk, sealEntry(run, desk.clock.now()));
}

function enqueue(desk: Desk, entry: Omit<Entry, 'resolve' | 'reject'>): Promise<readonly RunEvent[]> {
  return new Promise((resolve, reject) => {
    desk.queue.push({ ...entry, resolve, reject });
    if (!desk.flushing) void flushAll(desk);
  });
}

/** One flush at a time: a head is only right if nothing else is on its way. Never rejects. */
async function flushAll(desk: Desk): Promise<void> {
  desk.flushing = true;
  // Whoever appends in the same turn shares the first flush.
  await Promise.resolve();
  while (desk.queue.length > 0) {
    const group = desk.queue.splice(0, FLUSH_ENTRIES);
    const failure = await flush(desk, group);
    if (failure === undefined) continue;
    if (group.length > 1 && mayTryEach(failure)) for (const entry of group) await flushAlone(desk, entry);
    else for (const entry of group) entry.reject(explain(failure, entry));
  }
  desk.flushing = false;
}

/** Which one of many is wrong is found by trying each. */
async function flushAlone(desk: Desk, entry: Entry): Promise<void> {
  const failure = await flush(desk, [entry]);
  if (failure !== undefined) entry.reject(explain(failure, entry));
}

/** The store knows no event: its words get those of the append before them. */
function explain({ error }: Failure, { what }: Entry): unknown {
  if (!(error instanceof CaissonError)) return error;
  return new CaissonError(error.code, `cannot append ${what}: ${error.message}`, { cause: error });
}

/** Only what is surely not stored is tried again: nothing may be appended twice. */
function mayTryEach({ error, undone }: Failure): boolean {
  return undone && !(error instanceof CaissonError && error.code === 'disk_full');
}

/** Stores the entries, all or none, and tells everyone. Gives back what went wrong; then nobody was told anything. */
async function flush(desk: Desk, group: readonly Entry[]): Promise<Failure | undefined> {
  const { store, tails, sealKey } = desk;
  let draft: Draft;
  try {
    await loadTails(tails, store, group);
    draft = draftFlush(tails, group);
    const text = desk.headText(draft.head);
    const args = {
      rows: draft.rows,
      contents: draft.contents,
      named: draft.named,
      sealKey,
    };
    if (draft.rows.length > 0) await store.write('appendEvents', args, { name: HEAD_FILE, text });
  } catch (error) {
    // What failed may still be stored, if only the head could not be put in place.
    return { error, undone: (await catchUp(tails, store)) === 0 };
  }
  keepDraft(tails, draft);
  for (const { entry, events } of draft.done) {
    if (events.length > 0) {
      desk.faults('after:journal.append');
      desk.listeners.tell(events);
    }
    entry.resolve(events);
  }
  return undefined;
}

/** Nothing that was changed is shown to anyone: every row is checked against its hash. */
async function read(store: Store, chain: string, after: number, limit: number): Promise<readonly RunEvent[]> {
  const rows = await store.read('readEvents', { chain, after, limit });
  return rows.map(checkedEvent);
}

function checkedEvent(row: EventRow): RunEvent {
  if (linkHash(row) !== row.hash)
    throw new CaissonError('journal_broken', `event ${row.chain}#${row.seq} was changed after it was stored`);
  return eventOf(row);
}
