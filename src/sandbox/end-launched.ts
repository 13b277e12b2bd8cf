// Owns the end of a launched sandbox: SIGKILL to all of it, and the proof that it is dead. Knows no command.
import type { Launched } from './launch.ts';
import { familyOf, killGroup, untilDead } from './processes.ts';

/** Resolves with what outlived it: always [] unless the kernel kept one. Safe to call for what has ended, or was never started. */
export async function endLaunched(launched: Launched): Promise<readonly number[]> {
  if (launched.pid === 0) return [];
  const family = familyOf(new Set([launched.pid]));
  killGroup(launched.pid);
  launched.control.destroy();
  launched.stdin.destroy();
  launched.output.destroy();
  if (!launched.hasExited()) await launched.exited;
  return untilDead(family);
}
