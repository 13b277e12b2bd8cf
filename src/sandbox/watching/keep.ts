// Owns what keeps the limits of one sandbox in total: a control group where there is one, and the watch. Loaded with the first sandbox.
import { randomUUID } from 'node:crypto';
import type { OpenSandbox } from '../../contracts/executor.ts';
import { type ControlGroup, findGroups, makeGroup, sweepGroups } from './control-group.ts';
import { lookInside } from './inside-view.ts';
import type { Keep, KeepSetup } from './keeping.ts';
import { kindsWith } from './limit-kinds.ts';
import { killedByKernel } from './overrun.ts';
import { watchSandbox } from './watch.ts';

export function prepareKeep({ box, limits }: OpenSandbox, setup: KeepSetup): Keep {
  let group: ControlGroup | undefined = makeGroup(findGroups(setup.groupName), randomUUID(), limits);
  const end = async () => {
    await group?.remove();
    group = undefined;
  };
  const outOfMemory = () => group?.outOfMemory() ?? 0;
  return {
    enter: async (pid) => {
      if (group?.enter(pid) === false) await end();
      return kindsWith(group?.hard ?? []);
    },
    starved: () => (outOfMemory() > 0 ? killedByKernel(limits) : undefined),
    watch: (pid, onOver) => {
      const look = () => lookInside(pid, limits, setup);
      return watchSandbox({ pid, box, limits, look, kernelKills: outOfMemory }, onOver);
    },
    end,
  };
}

export function sweepKeeps({ groupName }: Pick<KeepSetup, 'groupName'>): Promise<void> {
  return sweepGroups(findGroups(groupName));
}
