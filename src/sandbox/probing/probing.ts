// Owns the words between the executor and its deep self-test. Knows no attack.
import type { Clock } from '../../base/clock.ts';
import type {
  DeathReport,
  ExecOutcome,
  ExecRequest,
  OpenSandbox,
  ProbeDepth,
  ProbeReport,
} from '../../contracts/executor.ts';
import type { CommandUser } from '../command-user.ts';

/** The sandbox that is attacked. */
export interface Target {
  readonly probe: ProbeReport;
  readonly exec: (request: ExecRequest) => Promise<ExecOutcome>;
  readonly close: () => Promise<DeathReport>;
}

/** Of the setup of the sandbox. */
export interface ProbeSetup {
  readonly boxesRoot: string;
  readonly canary: string;
  readonly toolbox: string;
  readonly user?: CommandUser;
  readonly clock: Clock;
}

export interface Probing {
  /**
   * `ok: false` if an attack came through, or if one of a whole probe proves nothing. Throws `sandbox_unavailable`,
   * `sandbox_self_test_failed` if there is no sandbox at all.
   */
  readonly runProbe: (
    open: (request: OpenSandbox) => Promise<Target>,
    setup: ProbeSetup,
    depth: ProbeDepth,
  ) => Promise<ProbeReport>;
}
