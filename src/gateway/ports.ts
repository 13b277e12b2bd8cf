// Owns what the gateway needs from outside. Knows no implementation.
import type { Clock } from '../base/clock.ts';
import type { Limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { KeyRecord, Principal, Role } from '../contracts/accounts.ts';
import type { Journal } from '../contracts/journal.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import type { Approvals, ModelInfo, ProgressNote, StreamModel } from '../contracts/ports.ts';
import type { RunService } from '../contracts/run-service.ts';
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
  /** Where answers are kept that clients ask to store; undefined: the service keeps none. */
  readonly responses?: ResponseStore;
  readonly accounts: AccountsPort;
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
  create(request: {
    readonly name: string;
    readonly team: string;
    readonly roles: readonly Role[];
    readonly expiresAt?: number;
  }): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  authenticate(key: string): Promise<Principal | undefined>;
  revoke(id: string): Promise<KeyRecord | undefined>;
  list(): Promise<readonly KeyRecord[]>;
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
}
