// Owns where each chain ends: the state that the next events are linked to and the head is made of. Knows no key and no file.
import { CaissonError } from '../base/errors.ts';
import { type RunEvent, SERVICE_CHAIN } from '../contracts/run-events.ts';
import type { EventPlace, EventRow } from '../store/events.ts';
import type { Store } from '../store/open.ts';
import { type Entry, sealEvent } from './entry.ts';
import { chainStart, eventOf, linkRow, type Unlinked } from './format.ts';
import type { Head } from './head.ts';

export interface Tail {
  readonly count: number;
  readonly hash: string;
  /** False if the chain has not grown since its last seal: the head does not list it then. */
  readonly open: boolean;
}

export interface Tails {
  /** The open chains, and closed ones that were asked for. */
  readonly chains: Map<string, Tail>;
  /** Events of all chains together. */
  events: number;
  /** True if the last look at the database failed, so that it must be looked at again. */
  stale: boolean;
}

/** What one flush would make of the tails. */
export interface Draft {
  readonly rows: readonly EventRow[];
  readonly contents: readonly string[];
  readonly named: readonly string[];
  readonly head: Head;
  readonly chains: ReadonlyMap<string, Tail>;
  readonly done: readonly { readonly entry: Entry; readonly events: readonly RunEvent[] }[];
}

export function createTails(): Tails {
  return { chains: new Map(), events: 0, stale: false };
}

/** Looks up the ends of the chains that the entries need and that are not known yet. */
export async function loadTails(tails: Tails, store: Store, entries: readonly Entry[]): Promise<void> {
  if (tails.stale) await refresh(tails, store);
  const chains = new Set([SERVICE_CHAIN]);
  for (const { events, seal } of entries) {
    for (const event of events) chains.add(event.chain);
    if (seal !== undefined) chains.add(seal.run);
  }
  const unknown = [...chains].filter((chain) => !tails.chains.has(chain));
  if (unknown.length === 0) return;
  for (const chain of unknown) tails.chains.set(chain, emptyTail(chain));
  for (const place of await store.write('chainTails', { chains: unknown })) setTail(tails, place, false);
}

/** Links all entries in order. Changes nothing. */
export function draftFlush(tails: Tails, entries: readonly Entry[]): Draft {
  const chains = new Map(tails.chains);
  const done = entries.map((entry) => ({ entry, rows: linkEntry(chains, entry) }));
  const rows = done.flatMap((each) => each.rows);
  return {
    rows,
    contents: entries.flatMap((entry) => entry.contents),
    named: entries.flatMap((entry) => entry.named),
    head: headOf(chains, tails.events + rows.length),
    chains,
    done: done.map((each) => ({ entry: each.entry, events: each.rows.map(eventOf) })),
  };
}

/** Once it is durable. Closed chains are forgotten, so that the number of runs does not matter. */
export function keepDraft(tails: Tails, draft: Draft): void {
  for (const [chain, tail] of draft.chains) {
    if (tail.open) tails.chains.set(chain, tail);
    else tails.chains.delete(chain);
  }
  tails.events += draft.rows.length;
}

/**
 * Looks at the database again after a failure; gives how many events it has that were not known. Never rejects: undefined if it
 * cannot be seen now, and then it is looked at before the next flush.
 */
export async function catchUp(tails: Tails, store: Store): Promise<number | undefined> {
  try {
    return await refresh(tails, store);
  } catch {
    tails.stale = true;
    return undefined;
  }
}

/** Takes in what the database has beyond what is known here. Returns how many events that were. */
export async function refresh(tails: Tails, store: Store): Promise<number> {
  const [beyond, ends] = await Promise.all([
    store.write('placesBeyond', { count: tails.events }),
    store.write('chainTails', { chains: [...tails.chains.keys()] }),
  ]);
  for (const place of [...beyond, ...ends]) {
    const known = tails.chains.get(place.chain);
    if (known === undefined || known.count < place.seq) setTail(tails, place, true);
  }
  tails.events += beyond.length;
  tails.stale = false;
  return beyond.length;
}

export function headOf(chains: ReadonlyMap<string, Tail>, events: number): Head {
  const listed = [...chains].filter(([, tail]) => tail.open && tail.count > 0);
  return { events, chains: listed.map(([chain, { count, hash }]) => [chain, count, hash]) };
}

function linkEntry(chains: Map<string, Tail>, entry: Entry): readonly EventRow[] {
  if (entry.seal === undefined) return entry.events.map((event) => link(chains, event));
  const { run, time } = entry.seal;
  const end = chains.get(run) ?? emptyTail(run);
  if (end.count === 0) throw new CaissonError('internal', `run ${run} has no events to seal`);
  if (!end.open) return [];
  const row = link(chains, sealEvent(run, end, time));
  chains.set(run, { ...end, open: false });
  return [row];
}

function link(chains: Map<string, Tail>, event: Unlinked): EventRow {
  const row = linkRow(event, chains.get(event.chain) ?? emptyTail(event.chain));
  chains.set(event.chain, { count: row.seq, hash: row.hash, open: true });
  return row;
}

function setTail(tails: Tails, { chain, seq, hash }: EventPlace, open: boolean): void {
  tails.chains.set(chain, { count: seq, hash, open: open || chain === SERVICE_CHAIN });
}

/** An empty chain counts as open, so that it is not looked up again and again. */
function emptyTail(chain: string): Tail {
  return { count: 0, hash: chainStart(chain), open: true };
}
