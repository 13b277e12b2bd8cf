// Owns the port of a way to an engine on which bytes pass as they are, for clients whose dialect is the engine's own. Knows no dialect.
import type { ModelErrorEvent, Usage } from './model-events.ts';

export interface PassingOrder {
  /** The body of a chat request in the engine's own dialect; JSON. */
  readonly body: Uint8Array;
  readonly model: string;
  /** Whether the body has that member. */
  readonly has: (name: string) => boolean;
  readonly signal: AbortSignal;
  /** Requests of one conversation carry the same. */
  readonly affinity?: string;
}

/** What is heard of one request. Nothing is heard after `end`, `refused` or `fail`, and exactly one of them is. */
export interface PassingListener {
  /** The engine has taken the request. Once, before any data. */
  begin(contentType: string): void;
  data(chunk: Buffer): void;
  /** The body came to its end as HTTP says it. Whether the answer is whole only its text tells: the listener says so. */
  end(): boolean;
  /** Asked behind `end`: what the answer says that it used. Absent: nobody looks. */
  readonly usage?: () => Pick<Usage, 'promptTokens' | 'cachedTokens'> | undefined;
  /** The engine will not take these bytes (400, 404, 422 …): nothing was begun, and the request may be put in other words. */
  refused(): void;
  /** Before or after `begin`. */
  fail(event: ModelErrorEvent): void;
}

/** Pausing holds back what the engine sends, so that a slow reader costs no memory. */
export interface PassingControl {
  pause(): void;
  resume(): void;
  /** Nothing more is wanted: it ends as it does when the signal aborts. */
  stop(): void;
}

/** Sends the request. Never throws; ends when the signal aborts. */
export type PassBytes = (order: PassingOrder, listener: PassingListener) => PassingControl;
