// Owns the messages between the service and the executor. All are plain data: they cross a socket unchanged.
import type { ErrorReport } from '../base/errors.ts';
import type { EgressGrant, EgressProfile, EgressRecord } from './egress.ts';

/** What killed a command that did not end by itself. */
export type KillReason =
  | 'memory'
  | 'processes'
  | 'disk'
  | 'cpu'
  | 'file_size'
  | 'output'
  | 'cancelled'
  | 'sandbox_gone';

export interface SandboxLimits {
  /** Processes and threads of one sandbox. */
  readonly processes: number;
  /** Bytes of private memory of one process (RLIMIT_DATA). */
  readonly processMemoryBytes: number;
  /** Bytes of memory of one sandbox in total; what lies in its /tmp and /dev/shm is memory. */
  readonly memoryBytes: number;
  readonly openFiles: number;
  readonly fileBytes: number;
  /** Bytes on the disk of one box in total, deleted files that are still open among them. */
  readonly diskBytes: number;
  /** Files and directories of one box in total. */
  readonly diskFiles: number;
  /** CPU seconds of one process. */
  readonly cpuSeconds: number;
}

/** `box` is the host directory that holds `work/`, `home/`, `out/`; its owner must be the sandbox's user. */
export interface OpenSandbox {
  readonly sandbox: string;
  readonly run: string;
  readonly purpose: 'agent' | 'check' | 'probe' | 'setup';
  readonly box: string;
  readonly limits: SandboxLimits;
  /** Absent: no network at all. */
  readonly egress?: EgressProfile;
}

/** Who keeps a limit: the kernel, the service by watching and killing, or nobody. */
export type LimitKind = 'hard' | 'watched' | 'none';

export interface ProbeCheck {
  readonly name: string;
  readonly ok: boolean;
  /** What was seen, with errno where there is one. */
  readonly seen: string;
}

/** `start`: attacks on a fresh sandbox. `whole`: each of them without a sandbox too, where it must succeed. */
export type ProbeDepth = 'start' | 'whole';

export interface ProbeReport {
  readonly ok: boolean;
  readonly checks: readonly ProbeCheck[];
  readonly firejail: string;
  readonly kernel: string;
  /** Which limits are hard here and which are only watched. */
  readonly limits: Readonly<Record<string, LimitKind>>;
  /** Milliseconds from spawn to a passed handshake. */
  readonly startMs: number;
  /** Of a deep self-test: hash of the set of attacks. */
  readonly suite?: string;
  /** Of a sandbox for work: the set of attacks that this executor last withstood; absent: none was tried. */
  readonly confinedBy?: string;
}

export interface OpenedSandbox {
  readonly sandbox: string;
  /** Paths as seen inside. */
  readonly workPath: string;
  readonly homePath: string;
  readonly outPath: string;
  readonly probe: ProbeReport;
}

export interface ExecRequest {
  readonly sandbox: string;
  readonly exec: string;
  /** Shell text for the sandbox's live bash. */
  readonly command: string;
  readonly timeoutMs: number;
  /** Bytes of output returned at most: half of it the head, half the tail. */
  readonly outputBytes: number;
  /** Keep the whole output as a file readable inside, when it exceeds `outputBytes`. */
  readonly keep: boolean;
  /** Given to the command on its standard input; nothing if absent. Text is sent as UTF-8. */
  readonly stdin?: string;
}

export interface ExecOutput {
  /** Standard output and standard error in the order they came, decoded as UTF-8 with U+FFFD. Whole if `tail` is ''. */
  readonly head: string;
  readonly tail: string;
  readonly bytes: number;
  readonly lines: number;
  /** Bytes and lines between head and tail; 0 if whole. */
  readonly cutBytes: number;
  readonly cutLines: number;
  /** Path inside the sandbox of the whole output, if kept. */
  readonly path?: string;
}

export type ExecEnd =
  | { readonly end: 'exited'; readonly exitCode: number }
  | { readonly end: 'timed_out'; readonly afterMs: number }
  /** `said`: which limit, how much was used and what to do, in words for the model; absent where `by` says it all. */
  | { readonly end: 'killed'; readonly by: KillReason; readonly said?: string };

export type ExecOutcome = ExecEnd & {
  readonly output: ExecOutput;
  readonly ms: number;
  /** True if the live shell had to be started anew: environment and background processes are lost, the directory is kept. */
  readonly restarted: boolean;
  /** What was asked of the network since the command before; absent: nothing. */
  readonly egress?: readonly EgressRecord[];
};

/** After `close`: which processes were left, always [] unless the kernel kept one. */
export interface DeathReport {
  readonly sandbox: string;
  readonly ms: number;
  readonly survivors: readonly number[];
}

export interface SweepReport {
  /** Process groups of sandboxes that an ended service had left and that were killed. */
  readonly killed: readonly number[];
  readonly survivors: readonly number[];
}

export type ExecutorResult<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly error: ErrorReport };

/**
 * Everything that touches the sandbox. Methods must not throw for what happens inside; they reject only when the executor is lost.
 * `exec` calls of one sandbox are run one after the other.
 */
export interface Executor {
  /**
   * Attacks a throw-away sandbox and reports every check. `ok: false`, in the report or in place of it: nothing is opened and nothing
   * runs here until a later probe has passed.
   */
  probe(depth: ProbeDepth): Promise<ExecutorResult<ProbeReport>>;
  open(request: OpenSandbox): Promise<ExecutorResult<OpenedSandbox>>;
  exec(request: ExecRequest): Promise<ExecutorResult<ExecOutcome>>;
  /** Kills the running command of the sandbox (reason `cancelled`); no-op if none runs. */
  cancel(sandbox: string): Promise<void>;
  /** From now on the network of the sandbox lets that through too, in each of its shells; no-op if it has none. */
  permit(sandbox: string, grant: EgressGrant): Promise<void>;
  /** Kills every process of the sandbox and waits for their death. Safe to call twice. */
  close(sandbox: string): Promise<DeathReport>;
  /** Kills what an earlier service left under `boxesRoot`. Called once, before anything is opened. */
  sweep(): Promise<SweepReport>;
  /** Kills everything and ends the executor. */
  dispose(): Promise<void>;
}
