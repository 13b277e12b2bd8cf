// Owns what the life of a run needs from outside. Knows no implementation.
import type { Effect } from '../contracts/effects.ts';
import type { Clock } from '../base/clock.ts';
import type { ErrorReport } from '../base/errors.ts';
import type { FaultPoint } from '../base/faults.ts';
import type { Limits } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { Executor, SandboxLimits } from '../contracts/executor.ts';
import type { EgressProfile } from '../contracts/egress.ts';
import type { Journal } from '../contracts/journal.ts';
import type { Approvals, Decide, ProgressNote, RunStore, RunTool, StreamModel } from '../contracts/ports.ts';
import type { CheckOutcome, RunRecord } from '../contracts/runs.ts';
import type { RunToolPorts } from '../tools/run-tool.ts';
import type { SetupRoom } from './setup/port.ts';
import type { SnapshotPlan, Snapshots } from '../workspace/snapshots/take.ts';

export interface RunsPorts {
  readonly journal: Journal & { sealRun(run: string): Promise<void> };
  readonly runStore: RunStore;
  readonly approvals: Approvals;
  readonly executor: Executor;
  /** The tools, loaded when a run needs them. */
  toolRoom(): Promise<(ports: Omit<RunToolPorts, 'tools'>) => RunTool>;
  /** The way to the engines, in the name of the run. */
  streamFor(run: RunRecord): StreamModel;
  /** The model that a wish means ('' is the first that is served), and whether a recorded conversation answers for it. */
  readonly findModel: (wish: string) => Promise<{ readonly model: string; readonly recorded: boolean }>;
  readonly decide: Decide;
  /** Whether the policy could say anything but no to a call that acts outside of the sandbox. */
  readonly offers: (effect: Extract<Effect, { type: 'external' }>) => boolean;
  readonly policyHash: () => string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly sandboxLimits: SandboxLimits;
  readonly logger: Logger;
  readonly faults: FaultPoint;
  /** Directory whose children are the directories of the runs. */
  readonly runsRoot: string;
  /** Paths whose change a person is shown, as the site wants it. */
  readonly isProtected: (path: string) => boolean;
  /** Directory that holds what is kept of the files of runs that have ended. */
  readonly keptRoot: string;
  /** Loaded when a run first needs it. */
  snapshotRoom(): Promise<(plan: SnapshotPlan) => Snapshots>;
  /** Why nothing may run on this machine; undefined once the sandbox has passed its self-test. Asked before a run works. */
  readonly selfTest: () => Promise<ErrorReport | undefined>;
  /** What is made ready before an agent comes; loaded when a run first needs it. */
  setupRoom(): Promise<SetupRoom>;
  /** What the network of a sandbox of the run lets through; undefined: it has none. */
  readonly network?: (run: RunRecord) => EgressProfile | undefined;
  /** Absolute path of the work tree inside the sandbox. */
  readonly workPath: string;
  /** Given only when the process is root: who owns what the sandbox sees. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly host: 'service' | 'cli';
  /** True if the journal's last word on it is a halt without a release. */
  readonly startHalted: boolean;
  /** Live notes of a run, kept nowhere. Must not throw. */
  readonly progress: (run: string, note: ProgressNote) => void;
}

/** Why a run was stopped from outside; the reason of its abort signal. The first one wins. */
export type StopReason =
  | { readonly kind: 'cancelled'; readonly by: string }
  | { readonly kind: 'limit'; readonly limit: string }
  /** The sandbox is lost: nothing may run. */
  | { readonly kind: 'failed'; readonly error: ErrorReport }
  | { readonly kind: 'shutdown' };

/** One run at work. */
export interface LiveRun {
  record: RunRecord;
  step: number;
  readonly stop: AbortController;
  /** Words of a person that the loop has not taken yet. */
  readonly inbox: string[];
  /** Milliseconds spent waiting for people. */
  waitedMs: number;
  /** Monotonic time since which a person is asked; undefined while the run works. */
  waitingSince: number | undefined;
  readonly checks: CheckOutcome[];
  /** Resolves when the run has ended and nothing of it lives. */
  ended: Promise<void>;
}
