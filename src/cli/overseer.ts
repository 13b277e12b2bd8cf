// Owns what a person at a terminal can ask of Caisson, the same whether a service answers or this process does. Knows no transport.
import type {
  KeyChange,
  KeyRecord,
  KeyRotation,
  MadeKey,
  NewKeyRequest,
  UsageLine,
  UsageView,
} from '../contracts/accounts.ts';
import type { GrantScope, QuestionRecord } from '../contracts/decisions.ts';
import type { BackendState, ProgressNote } from '../contracts/ports.ts';
import type { ProbeReport as SandboxReport } from '../contracts/executor.ts';
import type { ProbeReport } from '../contracts/probes.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { Setups } from '../contracts/setups.ts';
import type { ApplyAnswer, AppliedResult, ApplyWish, RewindWish, StepSnapshot } from '../contracts/run-service.ts';
import type { CheckOutcome, RunRecord, RunRequest } from '../contracts/runs.ts';

export type Seen =
  | { readonly kind: 'event'; readonly event: RunEvent }
  | { readonly kind: 'note'; readonly note: ProgressNote };

export interface UsageWish {
  readonly by: UsageView;
  /** Milliseconds since 1970. */
  readonly from?: number;
  readonly to?: number;
}

/** All methods reject with a `CaissonError`. */
export interface Overseer {
  /** `service`: another process does the work; `local`: it ends with this one. */
  readonly kind: 'service' | 'local';
  createRun(request: RunRequest, bundle: string): Promise<RunRecord>;
  run(id: string): Promise<RunRecord>;
  runs(limit: number): Promise<readonly RunRecord[]>;
  cancel(id: string): Promise<RunRecord>;
  message(id: string, text: string): Promise<void>;
  /** Durable events after `after`, then live ones until the run has ended. Ends when `signal` aborts. */
  watch(id: string, after: number, signal: AbortSignal): AsyncIterable<Seen>;
  /** The content an event names; undefined if it was pruned. */
  content(id: string, hash: string): Promise<string | undefined>;
  checks(id: string): Promise<readonly CheckOutcome[]>;
  /** Text of the patch, '' if nothing changed; undefined if there is none. */
  diff(id: string): Promise<string | undefined>;
  /** The steps whose files can be had again. */
  snapshots(id: string): Promise<readonly StepSnapshot[]>;
  /** What changed between the ends of two steps; without `to`, up to the last one. Step 0 is the base. */
  diffSteps(id: string, steps: { readonly from: number; readonly to: number | undefined }): Promise<string>;
  /** A new run that goes on where that one was after a step. */
  rewind(id: string, wish: RewindWish): Promise<RunRecord>;
  /** What is kept of its files stays for as long as it is held. */
  hold(id: string, held: boolean): Promise<void>;
  apply(id: string, wish: ApplyWish): Promise<ApplyAnswer>;
  applied(id: string, result: AppliedResult): Promise<void>;
  questions(all: boolean): Promise<readonly QuestionRecord[]>;
  question(id: string): Promise<{ readonly record: QuestionRecord; readonly shown: string }>;
  answer(
    id: string,
    answer: {
      readonly verdict: 'approve' | 'deny' | 'revoke';
      readonly shown: string;
      readonly note: string;
      readonly scope?: GrantScope;
    },
  ): Promise<QuestionRecord>;
  halt(note: string): Promise<{ readonly cancelled: number; readonly revoked: number }>;
  release(): Promise<void>;
  createKey(request: NewKeyRequest): Promise<MadeKey>;
  rotateKey(id: string, rotation: KeyRotation): Promise<MadeKey>;
  changeKey(id: string, change: KeyChange): Promise<KeyRecord>;
  keys(): Promise<readonly KeyRecord[]>;
  revokeKey(id: string): Promise<KeyRecord>;
  backends(): Promise<readonly BackendState[]>;
  drainBackend(name: string, drained: boolean): Promise<BackendState>;
  reloadBackends(): Promise<readonly BackendState[]>;
  /** Stored for `doctor` and for the choice of engines. */
  keepProbe(report: ProbeReport): Promise<void>;
  /** The kept set-ups. */
  readonly setups: Setups;
  /** Attacks a fresh sandbox where runs are executed, and keeps in the journal what came of it. Rejects where there is none at all. */
  probeSandbox(): Promise<SandboxReport>;
  /** From midnight UTC until now, where the wish does not say. */
  usage(wish: UsageWish): Promise<readonly UsageLine[]>;
  /** Ends the work of a local one; leaves a service as it is. */
  close(): Promise<void>;
}
