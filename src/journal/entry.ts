// Owns one append on its way to the store: checked, stamped, not yet linked. Knows no chain's end.
import { CaissonError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { NewEvent } from '../contracts/journal.ts';
import { EVENT_VERSION, type EventBody, type RunEvent, SERVICE_CHAIN } from '../contracts/run-events.ts';
import { bodyText, namedHashes, type Unlinked } from './format.ts';

export interface Entry {
  /** For a person: which events of which chains. */
  readonly what: string;
  readonly events: readonly Unlinked[];
  readonly contents: readonly string[];
  /** Hashes that the bodies name. */
  readonly named: readonly string[];
  /** The run whose chain is to be sealed; such an entry has no events before its flush. */
  readonly seal?: { readonly run: string; readonly time: number };
  readonly resolve: (events: readonly RunEvent[]) => void;
  readonly reject: (error: unknown) => void;
}

type NewEntry = Omit<Entry, 'resolve' | 'reject'>;

/** Throws `internal` for a seal that is not made by `sealRun`. */
export function newEntry(events: readonly NewEvent[], time: number): NewEntry {
  if (events.some(({ body }) => body.type === 'run_sealed'))
    throw new CaissonError('internal', 'run_sealed is appended by sealRun only');
  return {
    what: events.map(({ body, chain }) => `${body.type} of ${chain}`).join(', '),
    events: events.map((event) => stamp(event, event.body, time)),
    contents: events.flatMap((event) => event.contents ?? []),
    named: events.flatMap(({ body }) => namedHashes(body)),
  };
}

export function sealEntry(run: string, time: number): NewEntry {
  return { what: `run_sealed of ${run}`, events: [], contents: [], named: [], seal: { run, time } };
}

/** The event that seals the run's chain at its present end. */
export function sealEvent(run: string, end: { readonly count: number; readonly hash: string }, time: number): Unlinked {
  return stamp({ chain: SERVICE_CHAIN }, { type: 'run_sealed', run, count: end.count, hash: end.hash }, time);
}

function stamp({ chain, step, parent }: Omit<NewEvent, 'body'>, body: EventBody, time: number): Unlinked {
  return {
    v: EVENT_VERSION,
    id: newId('ev', time),
    chain,
    step: step ?? 0,
    time,
    parent: parent ?? '',
    body: bodyText(body),
  };
}
