// Owns what a run and the set-up before it know of each other. Knows no implementation.
import type { Clock } from '../../base/clock.ts';
import type { Limits } from '../../base/limits.ts';
import type { Logger } from '../../base/logger.ts';
import type { EgressProfile } from '../../contracts/egress.ts';
import type { Executor, SandboxLimits } from '../../contracts/executor.ts';
import type { Emit, ProgressNote } from '../../contracts/ports.ts';
import type { RunRecord, RunRequest } from '../../contracts/runs.ts';
import type { Setups } from '../../contracts/setups.ts';
import type { WorkspacePaths } from '../../contracts/workspace.ts';
import type { SizedEntry, TreeAt } from '../../workspace/tree.ts';

export type ListedTree = TreeAt & { readonly entries: readonly SizedEntry[] };

export interface SetupPorts {
  readonly executor: Executor;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly sandboxLimits: SandboxLimits;
  readonly logger: Logger;
  readonly progress: (run: string, note: ProgressNote) => void;
  /** What the network of a sandbox of the run lets through; undefined: it has none. */
  readonly network?: (run: RunRecord) => EgressProfile | undefined;
  readonly owner?: { readonly uid: number; readonly gid: number };
}

export interface SetupJob {
  readonly run: RunRecord;
  readonly request: Pick<RunRequest, 'setup'>;
  /** Directory of the run. */
  readonly root: string;
  readonly of: ListedTree;
  readonly signal: AbortSignal;
}

/** What the run has of it. */
export interface SetUp {
  /** For the model. */
  readonly note: string;
  /** What was run; none where it came to nothing. */
  readonly commands: readonly string[];
  /** New paths in the work tree; each character is one byte. */
  readonly tops: readonly string[];
  /** Puts a copy into a box that nothing lives in. Absent: there is nothing to put. */
  readonly furnish?: (box: string) => Promise<void>;
  /** The same, but nothing is written where the box has a git directory: in a box that was worked in, that may be anything. */
  readonly lay?: (box: string) => Promise<void>;
  /** The run needs no more copies. */
  release(): void;
}

export interface AgainJob {
  readonly run: RunRecord;
  readonly request: Pick<RunRequest, 'origin'>;
  readonly paths: WorkspacePaths;
  readonly before: SetUp | undefined;
  readonly signal: AbortSignal;
}

export type Again = { readonly ok: true; readonly setUp: SetUp } | { readonly ok: false; readonly why: string };

/** What all runs of a service share about set-ups. */
export interface SetupRoom extends Setups {
  /** Undefined: there is nothing to set up. Rejects with `setup_failed` where that is the end of the run. */
  setUp(job: SetupJob, ports: SetupPorts, emit: Emit): Promise<SetUp | undefined>;
  /** One more command for a run at work, in whose box nothing lives. Rejects only when the run is stopped. */
  again(command: string, job: AgainJob, ports: SetupPorts, emit: Emit): Promise<Again>;
}
