// Owns the port through which the gateway and the CLI reach runs. Knows no HTTP and no table.
import type { Principal } from './accounts.ts';
import type { Decision, Question } from './decisions.ts';
import type { CheckOutcome, RunRecord, RunRequest } from './runs.ts';
import type { Origin, Patch } from './workspace.ts';

/** All methods reject with a `CaissonError` for what the caller did wrong; none throws for what a run does. */
export interface RunService {
  /** Takes the bundle file over (moves it). Resolves when the run is durable; the work goes on by itself. */
  create(request: RunRequest, bundle: string, owner: Principal): Promise<RunRecord>;
  get(id: string): Promise<RunRecord | undefined>;
  list(filter: {
    readonly owner?: string;
    readonly team?: string;
    readonly limit: number;
    readonly before?: string;
  }): Promise<readonly RunRecord[]>;
  /** Ends the run as cancelled; resolves when none of its processes lives. */
  cancel(id: string, by: string): Promise<RunRecord>;
  /** A word from a person; the agent reads it before its next step. */
  message(id: string, text: string, by: string): Promise<void>;
  patch(id: string): Promise<Patch | undefined>;
  checks(id: string): Promise<readonly CheckOutcome[]>;
  /** The steps whose files can be had again. */
  snapshots(id: string): Promise<readonly StepSnapshot[]>;
  /** What changed between the ends of two steps, as a patch; without `to`, up to the last one. Step 0 is the base. */
  diffSteps(id: string, steps: { readonly from: number; readonly to: number | undefined }): Promise<string>;
  /** A new run that goes on where this one was after a step: its files, its conversation. */
  rewind(id: string, wish: RewindWish, by: Principal): Promise<RunRecord>;
  /** What is kept of its files stays for as long as it is held. */
  hold(id: string, held: boolean, by: string): Promise<void>;
  /** Decides on publishing. Call again with the same words after the question was answered. A granted answer consumes the grant. */
  apply(id: string, wish: ApplyWish, by: Principal): Promise<ApplyAnswer>;
  /** Tells what came of a granted apply, for the journal. */
  applied(id: string, result: AppliedResult): Promise<void>;
  /** Cancels all runs and revokes all questions and grants; nothing starts until `release`. */
  halt(by: string, note: string): Promise<{ readonly cancelled: number; readonly revoked: number }>;
  release(by: string): Promise<void>;
  halted(): boolean;
}

/** The files as they were when a step was over. */
export interface StepSnapshot {
  readonly step: number;
  readonly tree: string;
  /** Paths that changed since the snapshot before; absent where only the patch of the run tells the files. */
  readonly changed?: number;
}

export interface RewindWish {
  readonly step: number;
  /** What a person says to the agent before it goes on. */
  readonly message?: string;
}

export interface ApplyWish {
  readonly ref: string;
  readonly remote: string;
}

export type ApplyAnswer =
  | { readonly state: 'waiting'; readonly question: Question }
  | { readonly state: 'denied'; readonly decision: Decision; readonly note: string }
  | {
      readonly state: 'granted';
      readonly patch: Patch;
      readonly origin: Origin;
      readonly message: string;
      readonly time: number;
    };

export type AppliedResult =
  | { readonly ok: true; readonly ref: string; readonly commit: string; readonly base: string }
  | { readonly ok: false; readonly ref: string; readonly code: string; readonly message: string };
