// Owns what all runs of a service share about set-ups: the kept ones, and what programs there are. Knows no run.
import { CaissonError } from '../../base/errors.ts';
import type { SetupSettings } from '../../contracts/setups.ts';
import { type CachePlan, openSetupCache } from '../../workspace/setup/cache.ts';
import { setUpAgain } from './again.ts';
import { setUp, type SharedSetups } from './phase.ts';
import type { SetupRoom } from './port.ts';

const SAME_MS = 60_000;

export async function openSetupRoom(plan: CachePlan, settings: SetupSettings): Promise<SetupRoom> {
  const cache = await openSetupCache(plan);
  let known: { readonly text: string; readonly until: number } | undefined;
  const toolchain: SharedSetups['toolchain'] = async (read) => {
    const now = plan.clock.monotonic();
    if (known === undefined || now > known.until) known = { text: await read(), until: now + SAME_MS };
    return known.text;
  };
  const room: Pick<SetupRoom, 'setUp'> = {
    setUp: (job, ports, emit) => setUp(job, { cache, settings, toolchain }, ports, emit),
  };
  return {
    ...room,
    again: (command, job, ports, emit) => setUpAgain(command, job, room, ports, emit),
    list: () => cache.list(),
    get: async (key) => {
      const entry = await cache.get(key);
      if (entry !== undefined) return entry;
      throw new CaissonError('not_found', `there is no set-up ${key}`, {
        hint: '`caisson setup list` shows the keys.',
      });
    },
    drop: (key) => cache.drop(key),
  };
}
