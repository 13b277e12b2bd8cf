// Owns the ports that a composition root hands to rooms which must not import each other. Knows no implementation.
import type { JsonObject } from '../base/json.ts';
import type { Answer, Decision, Grant, GrantScope, GrantUse, Question, QuestionRecord } from './decisions.ts';
import type { Effect } from './effects.ts';
import type { ChatRequest, ToolCall } from './messages.ts';
import type { ModelErrorEvent, ModelEvent } from './model-events.ts';
import type { PassBytes } from './passing.ts';
import type { EventBody } from './run-events.ts';
import type { RunRecord } from './runs.ts';
import type { FinishClaim, ToolResult } from './tools.ts';

/** Must not throw after its first event. Ends when the model is done, failed, or `signal` aborts. */
export type StreamModel = (request: ChatRequest, signal: AbortSignal) => AsyncIterable<ModelEvent>;

export interface ModelInfo {
  readonly id: string;
  /** Tokens of prompt and answer together; undefined if the engine does not say. */
  readonly contextTokens?: number;
  readonly backend: string;
}

/** One engine, or a recorded conversation. */
export interface Backend {
  readonly name: string;
  /** True if the replies are recorded: an outcome made with it says so. */
  readonly recorded: boolean;
  /** Model ids that the configuration gives it: then it need not be asked. */
  readonly declared?: readonly string[];
  readonly stream: StreamModel;
  /** Model ids that it serves. Rejects with a coded error when it cannot be reached. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** Like `stream`, but the engine is asked for one piece, in which a call that was cut may look whole: for probes only. */
  readonly whole?: StreamModel;
  /** Like `stream`, but the text of the one user message is no conversation: the model goes on with it. */
  readonly complete?: StreamModel;
  readonly embed?: Embed;
  /** The way on which the bytes of a client of its own dialect pass; loaded with the first of them. */
  readonly passing?: () => Promise<PassBytes>;
  /** True: the calls of its last answer with calls stood in the text, so that its answers must be read. */
  readonly leavesCalls?: () => boolean;
  /** Tokens of the prompt that it would make of the request, as its usage says later. Undefined: it cannot count. Never rejects. */
  readonly countTokens?: (request: ChatRequest, signal: AbortSignal) => Promise<number | undefined>;
  /** Tokens of prompt and answer together. Undefined: it does not say. Remembered for a while. Never rejects. */
  readonly contextTokens?: (model: string) => Promise<number | undefined>;
  /** What it says of itself at its own address for that; undefined: it has none. Never rejects. */
  readonly healthy?: (signal: AbortSignal) => Promise<boolean | undefined>;
  /** Its version and its numbers, where it tells them. Never rejects. */
  readonly report?: (signal: AbortSignal) => Promise<EngineReport>;
  /** It gets no more requests: what it holds beside its work (a process, its memory) goes when what is under way has ended. */
  readonly retire?: () => void;
  /** Its share of the work beside those that serve the same model is as its weight beside theirs. Absent: 1. */
  readonly weight?: number;
  /** Requests that it works on at the same time. Absent: 64. */
  readonly places?: number;
}

/** What an engine says of itself beside its answers. */
export interface EngineReport {
  readonly version?: string;
  /** What a person should know of that version with the models that are served. */
  readonly remarks: readonly string[];
  readonly numbers?: EngineNumbers;
}

/** Of all its models together. Tokens are counted since the engine started. */
export interface EngineNumbers {
  readonly running?: number;
  readonly waiting?: number;
  /** Part of the cache for prompts and answers that is taken, from 0 to 1. */
  readonly cacheUsed?: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
}

/** A backend as its router sees it. */
export interface BackendState {
  readonly name: string;
  /** `away`: it gets nothing for a while; `trial`: the next request finds out whether it is back; `draining`: a person wants it so. */
  readonly state: 'up' | 'trial' | 'away' | 'draining';
  readonly weight: number;
  readonly places: number;
  readonly inFlight: number;
  /** Since it was configured; those that went there again count again. */
  readonly requests: number;
  readonly failures: number;
  /** Of prompts, and of them those that came from its cache, as its answers say. Absent: none said so. */
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  /** Milliseconds until it is tried again. */
  readonly nextTryMs?: number;
  /** `at`: milliseconds since 1970. */
  readonly lastFailure?: { readonly at: number; readonly code: string; readonly message: string };
}

export interface EmbedRequest {
  readonly model: string;
  /** Texts, or the numbers of their tokens. */
  readonly input: readonly (string | readonly number[])[];
  readonly dimensions?: number;
  /** How the vectors are wanted; an engine may give them otherwise. */
  readonly base64: boolean;
  /** Fields of a client that are not ours, for the engine as they are. */
  readonly extra?: JsonObject;
}

/** Numbers, or base64 of them as 32-bit floats with the smallest byte first. */
export type Embedding = string | readonly number[];

export interface Embeddings {
  readonly type: 'embeddings';
  /** One for each input, in its order. */
  readonly vectors: readonly Embedding[];
  /** Absent: the engine does not say. */
  readonly promptTokens?: number;
}

/** Never rejects: failure is an `error` event. */
export type Embed = (request: EmbedRequest, signal: AbortSignal) => Promise<Embeddings | ModelErrorEvent>;

/** Pure. Never throws. */
export type Decide = (effect: Effect, context: { readonly run: string; readonly tool: string }) => Decision;

export interface NewQuestion {
  readonly run: string;
  readonly step: number;
  readonly effect: Effect;
  readonly decision: Decision;
  readonly summary: string;
  /** Everything that is put before the person, as text; its hash is `Question.shown`. */
  readonly shown: string;
}

/** The airlock. All of it is durable: a restart loses no question and no answer. */
export interface Approvals {
  /** Stores a question; the same run, effect and `shown` that already waits or was approved and not used gives that one again. */
  open(question: NewQuestion): Promise<Question>;
  /** Waits for the answer. An ask nobody answers, or whose signal aborts, is a no. */
  wait(id: string, signal: AbortSignal): Promise<Answer>;
  /** Consumes one use, in one transaction with the check of state, expiry, `shown`, effect and policy. */
  use(
    grant: Grant,
    now: { readonly effect: Effect; readonly shown: string; readonly policy: string },
  ): Promise<GrantUse>;
  /**
   * Answers a question. `shown` is the hash the person saw; another one is refused with `approval_changed`. `revoke` takes back what
   * was approved, for the network of a run also after its first use.
   */
  answer(
    id: string,
    answer: {
      readonly verdict: 'approve' | 'deny' | 'revoke';
      readonly by: string;
      readonly shown: string;
      readonly note: string;
      /** With `approve`, of a question about the network only. */
      readonly scope?: GrantScope;
    },
  ): Promise<QuestionRecord>;
  list(filter: { readonly state?: QuestionRecord['state']; readonly run?: string }): Promise<readonly QuestionRecord[]>;
  get(id: string): Promise<QuestionRecord | undefined>;
  /** Revokes every waiting question and unused grant, of one run or of all. */
  revokeAll(filter: { readonly run?: string; readonly by: string }): Promise<number>;
}

/** Resolves when the events are durable. */
export type Emit = (events: readonly EmitEvent[]) => Promise<void>;
export interface EmitEvent {
  readonly body: EventBody;
  readonly contents?: readonly string[];
}

/** What is shown while it happens and kept nowhere: text deltas, a line per step. Must not throw. */
export type Progress = (note: ProgressNote) => void;
export type ProgressNote =
  | { readonly type: 'text' | 'reasoning'; readonly text: string }
  | { readonly type: 'phase'; readonly name: string };

export interface CalledTool {
  readonly result: ToolResult;
  readonly finish?: FinishClaim;
}

/** Validate → decide → ask → execute → truncate → record. Never throws for anything the model or the workspace did. */
export type RunTool = (call: ToolCall, step: number, signal: AbortSignal) => Promise<CalledTool>;

/** Kills the run's processes, makes the patch, runs the declared checks on base + patch in a fresh sandbox. */
export type VerifyClaim = (claim: FinishClaim, step: number, signal: AbortSignal) => Promise<ClaimVerdict>;
export interface ClaimVerdict {
  readonly passed: boolean;
  /** What failed, for the model: at most LIMITS.toolResultBytes. */
  readonly report: string;
}

/** The projection that lists and gets of runs are read from. Everything in it follows from the journal. */
export interface RunStore {
  save(run: RunRecord): Promise<void>;
  get(id: string): Promise<RunRecord | undefined>;
  list(filter: {
    readonly owner?: string;
    readonly team?: string;
    readonly state?: RunRecord['state'];
    readonly limit: number;
    readonly before?: string;
  }): Promise<readonly RunRecord[]>;
}
