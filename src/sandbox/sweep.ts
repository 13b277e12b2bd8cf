// Owns the finding of sandboxes that an ended service left: by the path of their box, never by a stored pid. Knows no run.
import type { SweepReport } from '../contracts/executor.ts';
import { commandLine, familyOf, killGroup, listProcesses, readProcess, untilDead } from './processes.ts';

/** Call before anything is opened below `boxesRoot`. Kills only what began before this process did. */
export async function sweepLeftovers(boxesRoot: string): Promise<SweepReport> {
  const all = listProcesses();
  const mine = readProcess(process.pid);
  const prefix = `--private=${boxesRoot}/`;
  const left = all.filter(
    (one) =>
      one.pid !== process.pid &&
      one.startedAt <= (mine?.startedAt ?? 0) &&
      commandLine(one.pid).some((word) => word.startsWith(prefix)) &&
      isOurs(one.pid),
  );
  const groups = new Set(left.map((one) => one.group));
  if (mine !== undefined) groups.delete(mine.group);
  const family = familyOf(groups, all);
  for (const group of groups) killGroup(group);
  return { killed: [...groups], survivors: await untilDead(family) };
}

/** Anybody may start a process whose command line looks like ours. */
function isOurs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
