// Owns the port of the journal. Knows no table.
import type { EventBody, RunEvent } from './run-events.ts';

export interface NewEvent {
  readonly chain: string;
  readonly body: EventBody;
  readonly step?: number;
  readonly parent?: string;
  /** Contents that the body names by hash; stored beside the chain. */
  readonly contents?: readonly string[];
}

export interface Journal {
  /** Appends in order, all or none. Resolves when the events are durable; only then may anyone be shown them. */
  append(events: readonly NewEvent[]): Promise<readonly RunEvent[]>;
  /** Events of one chain with seq > `after`, oldest first, at most `limit`. */
  read(chain: string, after: number, limit: number): Promise<readonly RunEvent[]>;
  /** The content of that hash; undefined if it was pruned or never stored. */
  content(hash: string): Promise<string | undefined>;
  /** Called with durable events only, in the order of each chain. Returns the way to stop. The listener must not throw. */
  subscribe(listener: (events: readonly RunEvent[]) => void): () => void;
}

export interface BadEvent {
  readonly chain: string;
  readonly seq: number;
  readonly problem: string;
}

/** Separate verdicts of one verification. */
export interface JournalVerdict {
  readonly events: number;
  readonly chains: number;
  /** Does every stored event and content match its hash and its place? */
  readonly integrity: { readonly ok: true } | { readonly ok: false; readonly first: BadEvent; readonly bad: number };
  /** Is the end there? `crashed`: the database is ahead of the head file, as after a crash; `cut`: events the head counts are missing. */
  readonly completeness:
    | { readonly state: 'complete' }
    | { readonly state: 'crashed_before_head'; readonly ahead: number }
    | { readonly state: 'cut'; readonly chain: string; readonly expected: number; readonly found: number }
    | { readonly state: 'head_missing' | 'head_forged' | 'key_missing'; readonly detail: string };
  /** Contents that were pruned on purpose: allowed, but they cannot be read any more. */
  readonly prunedContents: number;
}
