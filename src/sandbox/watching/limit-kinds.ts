// Owns who keeps each limit of a sandbox, and the words about it. Knows no sandbox.
import type { LimitKind, ProbeReport } from '../../contracts/executor.ts';

/** Without a control group. A watched limit can be passed for a moment: the sandbox is killed within seconds. */
export const LIMIT_KINDS: ProbeReport['limits'] = {
  processes: 'hard',
  process_memory: 'hard',
  open_files: 'hard',
  file_size: 'hard',
  cpu_per_process: 'hard',
  output: 'watched',
  wall_time: 'watched',
  total_memory: 'watched',
  disk: 'watched',
  disk_files: 'watched',
};

/** `hard`: names of limits that a control group keeps. */
export function kindsWith(hard: readonly string[]): ProbeReport['limits'] {
  return { ...LIMIT_KINDS, ...Object.fromEntries(hard.map((name) => [name, 'hard' as const])) };
}

const WORDS: readonly (readonly [LimitKind, string])[] = [
  ['hard', 'kept by the kernel'],
  ['watched', 'watched, and the sandbox killed'],
  ['none', 'not limited'],
];

/** One line, such as `kept by the kernel: processes, open files; watched, and the sandbox killed: disk`. */
export function kindsInWords(limits: ProbeReport['limits']): string {
  return WORDS.flatMap(([kind, words]) => {
    const names = Object.keys(limits).filter((name) => limits[name] === kind);
    return names.length === 0 ? [] : [`${words}: ${names.map((name) => name.replaceAll('_', ' ')).join(', ')}`];
  }).join('; ');
}
