// Owns the look at /proc: which processes belong to a sandbox, and the proof that they are dead. Knows no firejail flag.
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../base/limits.ts';

/** Pid and start time together name a process: a pid alone may be someone else's by now. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startedAt: number;
}

export interface ProcessInfo extends ProcessId {
  readonly parent: number;
  readonly group: number;
  readonly state: string;
}

const LOOK_AGAIN_MS = 2;

/** All processes this user can see; those that end meanwhile are left out. */
export function listProcesses(): readonly ProcessInfo[] {
  return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? (readProcess(Number(name)) ?? []) : []));
}

export function readProcess(pid: number): ProcessInfo | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state = '', parent, group] = fields;
    return { pid, state, parent: Number(parent), group: Number(group), startedAt: Number(fields[19]) };
  } catch {
    return undefined;
  }
}

export function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** The process and all that descends from it. A member that left the group by setsid still has its parent, or the init of its namespace. */
export function familyOf(pid: number): readonly ProcessInfo[] {
  const family: ProcessInfo[] = [];
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const found = readProcess(next);
    if (found === undefined) continue;
    family.push(found);
    waiting.push(...childrenOf(next));
  }
  return family;
}

/** Of all threads: each may have started some. A kernel that does not list children costs a look at all processes. */
function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return listProcesses().flatMap((process) => (process.parent === pid ? [process.pid] : []));
  }
}

/** SIGKILL to the group. A group that is gone is no error. */
export function killGroup(group: number): void {
  if (group <= 1) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Resolves with those that still live after `LIMITS.deathMs`; [] as soon as all are dead. A zombie is dead. */
export async function untilDead(processes: readonly ProcessId[]): Promise<readonly number[]> {
  const deadline = performance.now() + LIMITS.deathMs;
  for (;;) {
    const alive = processes.filter(isAlive);
    if (alive.length === 0 || performance.now() > deadline) return alive.map((process) => process.pid);
    await delay(LOOK_AGAIN_MS);
  }
}

function isAlive({ pid, startedAt }: ProcessId): boolean {
  const now = readProcess(pid);
  return now !== undefined && now.startedAt === startedAt && now.state !== 'Z' && now.state !== 'X';
}
