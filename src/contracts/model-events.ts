// Owns what a backend says while a model answers. Knows no wire format.

export interface Usage {
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens?: number;
  readonly reasoningTokens?: number;
}

/** `abort`: the engine ended the answer by itself (shutdown, preemption): an upstream failure, never a whole answer. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'abort';

/**
 * A backend must not throw after the first event: failure is an `error` event, and then the stream ends.
 * `finish` comes at most once, after all text and calls; `usage` may come before or after it.
 * A stream that ends without `finish` or `error` is cut.
 * Fragments of one call share its `index`; `id` and `name` come with the first one; `complete` is true once, on the last,
 * and only if the engine closed the call: a call that never got `complete` was cut and must not be run.
 */
export type ModelEvent =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  | ToolCallEvent
  | ({ readonly type: 'usage' } & Usage)
  | { readonly type: 'logprobs'; readonly tokens: readonly TokenLogprob[] }
  /** `stop`: the stop sequence that ended the text, where the engine tells. */
  | { readonly type: 'finish'; readonly reason: FinishReason; readonly stop?: string }
  | RepairEvent
  | PassedOnEvent
  | ModelErrorEvent;

/** Nothing came of what was asked, so that another backend is, for another model perhaps. It comes before all that is said. */
export interface PassedOnEvent {
  readonly type: 'passed_on';
  readonly backend: string;
  readonly model: string;
}

/** What the reading of a model's text mended, or refused to guess. It says nothing that a client is shown. */
export interface RepairEvent {
  readonly type: 'repair';
  readonly kind: RepairKind;
  /** The tool or the parameter that it was about. */
  readonly about?: string;
}

export type RepairKind =
  | 'thinking_not_closed'
  | 'thinking_closed_twice'
  | 'thinking_opened_twice'
  | 'call_in_thinking'
  | 'call_in_text'
  | 'call_not_opened'
  | 'call_opened_twice'
  | 'call_not_closed'
  | 'call_closed_twice'
  | 'parameter_not_closed'
  | 'other_syntax'
  | 'unknown_tool'
  | 'unknown_parameter'
  | 'value_literal'
  | 'value_not_of_type'
  | 'arguments_renamed'
  | 'arguments_in_text'
  | 'text_after_call'
  | 'text_after_end'
  /** Refused: no call is made of it, or the call that was begun is never complete. */
  | 'call_unreadable'
  | 'call_cut'
  | 'call_ambiguous'
  | 'duplicate_parameter';

/** Natural logarithm. `bytes`: UTF-8, where the engine tells. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  readonly bytes: readonly number[] | null;
  readonly top: readonly Omit<TokenLogprob, 'top'>[];
}

export interface ToolCallEvent {
  readonly type: 'tool_call';
  readonly index: number;
  readonly id?: string;
  readonly name?: string;
  readonly arguments?: string;
  readonly complete: boolean;
}

export interface ModelErrorEvent {
  readonly type: 'error';
  readonly code: ModelErrorCode;
  readonly message: string;
  /** True if the same request may succeed when sent again. */
  readonly retryable: boolean;
  /** Seconds the engine asked to wait. */
  readonly retryAfter?: number;
  /** There was no connection to send the request on: another engine may get it. */
  readonly unsent?: true;
}

export type ModelErrorCode =
  | 'backend_unreachable'
  | 'backend_failed'
  | 'backend_garbage'
  | 'model_not_found'
  | 'invalid_input'
  | 'context_exceeded'
  | 'overloaded'
  | 'not_supported'
  | 'aborted'
  | 'rehearsal_left_script';
