// Owns what the gateway needs from outside. Knows no implementation.
import type { Clock } from '../base/clock.ts';
import type { Limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { CaissonError } from '../base/errors.ts';
import type {
  ChangedKey,
  KeyChange,
  KeyRecord,
  KeyRotation,
  MadeKey,
  NewKeyRequest,
  Principal,
  RequestClass,
  UsageLine,
  UsageQuery,
} from '../contracts/accounts.ts';
import type { ProbeReport as SandboxReport } from '../contracts/executor.ts';
import type { Journal } from '../contracts/journal.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../contracts/model-events.ts';
import type {
  Approvals,
  BackendState,
  Embed,
  EngineReport,
  ModelInfo,
  ProgressNote,
  StreamModel,
} from '../contracts/ports.ts';
import type { PassBytes } from '../contracts/passing.ts';
import type { ProbeReport } from '../contracts/probes.ts';
import type { RunService } from '../contracts/run-service.ts';
import type { Setups } from '../contracts/setups.ts';
import type { ResponseStore } from '../contracts/stored-responses.ts';

export interface GatewayPorts {
  readonly stream: StreamModel;
  /** Of all backends that answer. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /**
   * Tokens of the prompt that the engine would make of the request: the same number that its usage says later, cached ones included.
   * Undefined where the engine cannot count: then an estimate is given. Rejects with a coded error or an `EngineError`.
   */
  readonly countTokens?: (chat: ChatRequest, signal: AbortSignal) => Promise<number | undefined>;
  /** Tokens of prompt and answer together that the model takes; undefined where its engine does not say. Must not reject. */
  readonly contextTokens?: (model: string) => Promise<number | undefined>;
  /** Goes on with the text of the one user message. Undefined: the service has no completions. */
  readonly complete?: StreamModel;
  /** An engine is told whose requests they are, and which of them can wait. */
  readonly tellsTeams?: boolean;
  /** The way on which the bytes of chat clients pass to the engine of the model; undefined if it speaks another dialect. */
  readonly passing?: (model: string) => Promise<PassBytes | undefined>;
  /** Undefined: the service has no embeddings. */
  readonly embed?: Embed;
  /** Where answers are kept that clients ask to store; undefined: the service keeps none. */
  readonly responses?: ResponseStore;
  readonly accounts: AccountsPort;
  /** People with a token of an identity provider, on /api/v1 only; undefined: keys only. */
  readonly people?: PeoplePort;
  readonly admission: AdmissionPort;
  readonly backends: BackendsPort;
  /** Attacks a fresh sandbox. Rejects where there is none at all. */
  probeSandbox(): Promise<SandboxReport>;
  readonly setups: Setups;
  readonly runs: RunService;
  readonly approvals: ApprovalsPort;
  readonly journal: Journal;
  /** Live notes of a run. Returns the way to stop. */
  progress(run: string, listener: (note: ProgressNote) => void): () => void;
  /** Why no work can be taken now; none: ready. */
  ready(): Promise<{ readonly ok: boolean; readonly reasons: readonly string[] }>;
  /** Prometheus text. */
  metrics(): Promise<string>;
  readonly tally: TallyPort;
  /** Directory of uploaded bundles that no run has taken over yet; it exists. */
  readonly uploadsDir: string;
  /** Names by which clients may call the service, without ports. */
  readonly allowedHosts: readonly string[];
  /** Who everyone is that comes without a key. Holds only while the app listens on a unix socket, never on an address. */
  readonly localOwner: Principal | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly logger: Logger;
  newId(prefix: string): string;
}

/** The part of accounts/ that speaks with HTTP. */
export interface AccountsPort {
  create(request: NewKeyRequest): Promise<MadeKey>;
  authenticate(key: string): Promise<Principal | undefined>;
  /** Undefined if there is no such key. Rejects with `conflict` for one that is over or was rotated before. */
  rotate(id: string, rotation: KeyRotation): Promise<MadeKey | undefined>;
  /** From the next request on. Undefined if there is no such key. Rejects with `conflict` for one that is over. */
  change(id: string, change: KeyChange): Promise<ChangedKey | undefined>;
  revoke(id: string): Promise<KeyRecord | undefined>;
  list(): Promise<readonly KeyRecord[]>;
}

export interface PeoplePort {
  /** Rejects with `unauthenticated`, and with `identity_unreachable` while the provider's keys are not to be had. */
  identify(token: string): Promise<Principal>;
  readonly browsers: BrowsersPort;
}

/** Sign-in of people with a browser, and their sessions. */
export interface BrowsersPort {
  /** Where browsers find the service, as https://NAME; undefined: at the host name that they call. */
  readonly publicUrl: string | undefined;
  /** `address`: where the browser goes to; `proof`: what it must show when it comes back to `back`. Rejects with `identity_unreachable`. */
  begin(back: string): Promise<{ readonly address: string; readonly proof: string }>;
  /** `back`: with what the provider sent along. Rejects with `unauthenticated` and `identity_unreachable`. */
  finish(back: URL, proof: string): Promise<{ readonly secret: string; readonly ms: number; readonly who: Principal }>;
  /** Whose session it is; undefined if there is none, or if it is over. */
  find(secret: string): Principal | undefined;
  end(secret: string): void;
}

/** The engines behind the service, for those who look after them. */
export interface BackendsPort {
  states(): readonly BackendState[];
  /** By name, what engines say of themselves. Never rejects. */
  readonly reports?: (signal: AbortSignal) => Promise<ReadonlyMap<string, EngineReport>>;
  /** Of each backend and model the last probe; newest first. */
  probes(): Promise<readonly ProbeReport[]>;
  keepProbe(report: ProbeReport): Promise<void>;
  /** Undefined if there is no such backend. What is under way there goes on. */
  drain(name: string, drained: boolean): BackendState | undefined;
  /** Reads their list in the configuration anew. Rejects with what is wrong there, and changes nothing then. */
  reload(): Promise<readonly BackendState[]>;
}

/** The door to the engines: limits of keys, the line before each engine, and what was used. */
export interface AdmissionPort {
  /** Whether the request may come in now. A pass must be closed, whatever happens. */
  admit(visitor: Visitor): Promise<Admitted>;
  usage(query: UsageQuery): Promise<readonly UsageLine[]>;
  /** Of the engines that were asked so far. */
  lines(): readonly EngineLine[];
}

export interface Visitor {
  readonly principal: Principal;
  readonly model: string;
  /** A guess: it is held back from the limits on tokens, and it counts where the engine never says. */
  readonly promptTokens: number;
  /** Absent: interactive. A key of class batch has no other. */
  readonly class?: RequestClass;
}

/** `headers` say what is left of the limits that are set; they belong on the answer, also on a refusal. */
export type Admitted =
  | { readonly ok: true; readonly headers: Readonly<Record<string, string>>; readonly pass: AdmissionPass }
  | { readonly ok: false; readonly headers: Readonly<Record<string, string>>; readonly error: CaissonError };

/** For one request. */
export interface AdmissionPass {
  /** The events of the engine, once there is a place for the request, counted as they pass; else the one event `overloaded`. */
  stream(stream: StreamModel, request: ChatRequest, signal: AbortSignal): AsyncIterable<ModelEvent>;
  /**
   * For a way to the engine that has no events, in place of `stream`: undefined once the request may be sent, else why it may not.
   * What was used is then told by `used`.
   */
  enter(signal: AbortSignal): Promise<ModelErrorEvent | undefined>;
  /** Each call takes the place of the one before. None: nothing is counted. */
  used(amount: UsedAmount): void;
  /** Gives back what is still held. Safe to call twice. */
  close(): void;
}

export interface UsedAmount {
  /** The answer came whole, and its engine said what it used. */
  readonly exact: boolean;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
}

export interface EngineLine {
  readonly engine: string;
  readonly running: readonly QueuedRequest[];
  /** The next one first; positions count from 1 and hold if nobody comes or goes. */
  readonly waiting: readonly (QueuedRequest & { readonly position: number; readonly waitedMs: number })[];
}

export interface QueuedRequest {
  /** Id of the key, or of the owner of a run. */
  readonly key: string;
  readonly class: RequestClass;
  readonly model: string;
}

export type ApprovalsPort = Approvals & {
  /** The text that was put before the person; undefined if there is no such question. */
  shownText(id: string): Promise<string | undefined>;
};

/** Where requests and tokens are counted. Must not throw. */
export interface TallyPort {
  /** `route` is the pattern of the route, never the path of a request. */
  request(request: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly ms: number;
  }): void;
  tokens(usage: { readonly promptTokens: number; readonly completionTokens: number }): void;
  /** A request was mended before it went to an engine. `kind`: from a closed list. */
  mended?(kind: string): void;
  /** An answer was repaired before it was told. `kind`: from a closed list. */
  repaired?(kind: string): void;
}
