// Owns the finding of sandboxes that an ended service left: by the path of their box, never by a stored pid. Knows no run.
import { basename } from 'node:path';
import type { SweepReport } from '../contracts/executor.ts';
import { removeLeftFolders } from './own-folder.ts';
import {
  commandLine,
  familyOf,
  killGroup,
  listProcesses,
  type ProcessInfo,
  readProcess,
  untilDead,
} from './processes.ts';

/** What a sandbox is on the host: firejail, or what becomes firejail in a moment. */
const LAUNCHERS = new Set(['firejail', 'prlimit']);

/** Call before anything is opened below `boxesRoot`. Kills only what began before this process did. */
export async function sweepLeftovers(boxesRoot: string): Promise<SweepReport> {
  removeLeftFolders();
  const mine = readProcess(process.pid);
  const left = listProcesses().filter(
    (one) => one.group !== mine?.group && one.startedAt <= (mine?.startedAt ?? 0) && isSandbox(one, boxesRoot),
  );
  const family = new Map(left.flatMap(({ pid }) => familyOf(pid)).map((one) => [one.pid, one]));
  const killed = [...new Set(left.map((one) => one.group))].filter(killIfOurs);
  return { killed, survivors: await untilDead([...family.values()].filter(({ group }) => killed.includes(group))) };
}

function isSandbox({ pid, state }: ProcessInfo, boxesRoot: string): boolean {
  if (state === 'Z') return false;
  const [program = '', ...words] = commandLine(pid);
  return LAUNCHERS.has(basename(program)) && words.some((word) => word.startsWith(`--private=${boxesRoot}/`));
}

/** A process of another user can have any command line. */
function killIfOurs(group: number): boolean {
  try {
    killGroup(group);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return false;
    throw error;
  }
}
