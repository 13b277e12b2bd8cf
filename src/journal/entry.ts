// Owns one append on its way to the store: checked, stamped, not yet linked. Knows no chain's end.
import { CaissonError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { NewEvent } from '../contracts/journal.ts';
import {
  EVENT_VERSION,
  type EventBody,
  eventBodySchema,
  type RunEvent,
  SERVICE_CHAIN,
} from '../contracts/run-events.ts';
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

/** Throws `internal` if a body is none of the closed union, or a seal that is not made by `sealRun`. */
export function newEntry(events: readonly NewEvent[], time: number): NewEntry {
  const checked = events.map((event) => ({ event, body: checkedBody(event) }));
  return {
    what: checked.map(({ event, body }) => `${body.type} of ${event.chain}`).join(', '),
    events: checked.map(({ event, body }) => stamp(event, body, time)),
    contents: events.flatMap((event) => event.contents ?? []),
    named: checked.flatMap(({ body }) => namedHashes(body)),
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

function checkedBody({ chain, body }: NewEvent): EventBody {
  const parsed = eventBodySchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    throw new CaissonError(
      'internal',
      `event ${body.type} for ${chain} is malformed: ${where} ${issue?.message ?? ''}`,
    );
  }
  if (parsed.data.type === 'run_sealed') throw new CaissonError('internal', 'run_sealed is appended by sealRun only');
  return parsed.data;
}
