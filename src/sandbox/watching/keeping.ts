// Owns the words between a sandbox and what keeps its limits in total. Knows no implementation.
import type { OpenSandbox, ProbeReport } from '../../contracts/executor.ts';
import type { CommandUser } from '../command-user.ts';
import type { Overrun } from './overrun.ts';

export interface Watch {
  /** Looked at more often while a command runs. */
  setBusy(busy: boolean): void;
  stop(): void;
}

export interface Keep {
  /** Takes the process and all that descends from it into the control group. Before anything runs that could start something meanwhile. */
  enter(pid: number): Promise<ProbeReport['limits']>;
  /** The kernel has killed something for want of memory. */
  starved(): Overrun | undefined;
  /** `pid` as it was given to `enter`. */
  watch(pid: number, onOver: (over: Overrun) => void): Watch;
  /** After the death of all of it. */
  end(): Promise<void>;
}

export interface Keeping {
  readonly prepareKeep: (request: OpenSandbox, setup: KeepSetup) => Keep;
  /** Removes the control groups that ended services left. Call after what was in them is dead. */
  readonly sweepKeeps: (setup: Pick<KeepSetup, 'groupName'>) => Promise<void>;
}

/** Of the setup of the sandbox: who runs the commands, which firejail, and the name of the control group for sandboxes. */
export interface KeepSetup {
  readonly user?: CommandUser;
  readonly firejail?: string;
  readonly groupName?: string;
}
