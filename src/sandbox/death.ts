// Owns the end of a launched sandbox: SIGKILL, and the proof that nothing of it lives. Knows no reason.
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../base/limits.ts';
import type { Launched } from './launch.ts';
import { familyOf, killGroup, untilDead } from './processes.ts';

/**
 * Resolves with the pids that still live after `LIMITS.deathMs`. The init of the sandbox's process namespace is in the group: the kernel
 * ends it only after everything inside has ended, also what left the group or was started meanwhile.
 */
export async function killSandbox(launched: Launched): Promise<readonly number[]> {
  const { pid } = launched;
  if (pid === 0) return [];
  const family = familyOf(pid);
  killGroup(pid);
  launched.control.destroy();
  const survivors = await untilDead(family);
  if (!launched.hasExited()) await Promise.race([launched.exited, delay(LIMITS.deathMs, undefined, { ref: false })]);
  return survivors;
}
