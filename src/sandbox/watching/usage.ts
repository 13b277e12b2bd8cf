// Owns what the host sees of a sandbox at little cost: its tasks, its private memory, and what the whole host uses. Knows no limit.
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { familyOf } from '../processes.ts';

/** What other programs use is among it: it says only how much more a sandbox can have come to use. Bytes, and files. */
export interface HostUsage {
  /** Shared memory and file systems in memory. */
  readonly shared: number;
  /** Of the file system that holds the box. */
  readonly disk: number;
  readonly files: number;
}

export interface TaskUsage {
  /** Processes and threads. */
  readonly tasks: number;
  /** Bytes of private memory. A page that processes share since a fork counts once for each. */
  readonly anonymous: number;
}

const KB = 1024;

/** `path`: any directory on the file system that counts. One that is gone uses nothing. */
export async function hostUsage(path: string): Promise<HostUsage> {
  const shared = field(readFileSync('/proc/meminfo', 'latin1'), 'Shmem') * KB;
  try {
    const { blocks, bfree, bsize, files, ffree } = await statfs(path);
    return { shared, disk: (blocks - bfree) * bsize, files: files - ffree };
  } catch {
    return { shared, disk: 0, files: 0 };
  }
}

/** Of the process and all that descends from it. */
export function taskUsage(pid: number): TaskUsage {
  let tasks = 0;
  let anonymous = 0;
  for (const one of familyOf(pid)) {
    const status = statusOf(one.pid);
    tasks += field(status, 'Threads');
    anonymous += field(status, 'RssAnon') * KB;
  }
  return { tasks, anonymous };
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}

/** A process that has ended has no memory, and its fields are missing. */
function field(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}
