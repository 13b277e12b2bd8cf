// Owns the judgement of what a sandbox uses against its limits, and the words about it. Knows no process.
import type { KillReason, SandboxLimits } from '../../contracts/executor.ts';

/** What a sandbox uses in total: bytes, and files. */
export interface Use {
  readonly memory: number;
  readonly disk: number;
  readonly files: number;
}

export interface Overrun {
  readonly by: Extract<KillReason, 'memory' | 'processes' | 'disk'>;
  /** Which limit, how much, and what to do: for the model. */
  readonly said: string;
}

const MB = 1024 ** 2;

/** The first limit that is passed. */
export function overrunOf(use: Use, limits: SandboxLimits): Overrun | undefined {
  if (use.memory > limits.memoryBytes)
    return {
      by: 'memory',
      said:
        `the sandbox used ${megabytes(use.memory)} of ${megabytes(limits.memoryBytes)} of memory in total, ` +
        'files in /tmp and /dev/shm included; work on less at a time, and keep large files in the work tree',
    };
  if (use.disk > limits.diskBytes)
    return {
      by: 'disk',
      said:
        `the sandbox used ${megabytes(use.disk)} of ${megabytes(limits.diskBytes)} on the disk in total, ` +
        'deleted files that are open included; remove what is not needed before anything else',
    };
  if (use.files > limits.diskFiles)
    return {
      by: 'disk',
      said:
        `the sandbox had ${use.files} files and directories, and may have ${limits.diskFiles}; ` +
        'remove what is not needed before anything else',
    };
  return undefined;
}

export function tooManyTasks(tasks: number, limits: SandboxLimits): Overrun {
  const said = `${tasks} processes and threads at once, and the sandbox may have ${limits.processes}; start fewer at a time`;
  return { by: 'processes', said };
}

/** A control group has no more memory to give. */
export function killedByKernel({ memoryBytes }: SandboxLimits): Overrun {
  const said =
    `the sandbox needed more than its ${megabytes(memoryBytes)} of memory in total, ` +
    'files in /tmp and /dev/shm included; work on less at a time, and keep large files in the work tree';
  return { by: 'memory', said };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / MB)} MB`;
}
