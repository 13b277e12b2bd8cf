// Owns the brake: stop every run, revoke every grant, let nothing start until a person releases it. Survives a restart.
import { CaissonError } from '../base/errors.ts';
import { SERVICE_CHAIN } from '../contracts/run-events.ts';
import type { RunService } from '../contracts/run-service.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import { stopRun } from './stops.ts';

export interface Halt extends Pick<RunService, 'halt' | 'release' | 'halted'> {
  refuseIfHalted(): void;
}

type HaltPorts = Pick<RunsPorts, 'journal' | 'startHalted'> & {
  readonly approvals: Pick<RunsPorts['approvals'], 'revokeAll'>;
};

export function createHalt(ports: HaltPorts, live: ReadonlyMap<string, LiveRun>): Halt {
  let halted = ports.startHalted;
  return {
    halt: async (by, note) => {
      halted = true;
      await ports.journal.append([{ chain: SERVICE_CHAIN, body: { type: 'halted', by, note } }]);
      const runs = [...live.values()];
      for (const run of runs) stopRun(run, { kind: 'cancelled', by: `halt (${by})` });
      const revoked = await ports.approvals.revokeAll({ by: `halt (${by})` });
      await Promise.all(runs.map((run) => run.ended));
      return { cancelled: runs.length, revoked };
    },
    release: async (by) => {
      await ports.journal.append([{ chain: SERVICE_CHAIN, body: { type: 'released', by } }]);
      halted = false;
    },
    halted: () => halted,
    refuseIfHalted: () => {
      if (halted) throw new CaissonError('halted', 'Caisson is halted: no run starts and nothing is applied');
    },
  };
}
