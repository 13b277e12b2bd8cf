// Owns how things are measured: medians of interleaved rounds with their spread, CPU and anonymous memory of a whole process tree.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Spread {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((left, right) => left - right);
  return {
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    low: sorted[0] ?? Number.NaN,
    high: sorted.at(-1) ?? Number.NaN,
  };
}

/** Ratio of each pair of one round, so that a drift of the machine's speed cancels out. */
export function ratios(left: readonly number[], right: readonly number[]): Spread {
  return spreadOf(left.map((value, index) => value / (right[index] ?? Number.NaN)));
}

export interface TreeCost {
  readonly code: number;
  readonly wallMs: number;
  /** User and system time of the process and all it waited for. */
  readonly cpuMs: number;
  /** Highest sum of anonymous memory of the tree seen in a sample every 20 ms; bytes. */
  readonly anonymousBytes: number;
  readonly output: string;
}

/** Runs a program under the shell's `time`, whose figures hold every descendant that was waited for. */
export function costOf(
  argv: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<TreeCost> {
  return new Promise((resolve, reject) => {
    const timed = ['-c', 'TIMEFORMAT="CPU %U %S %R"; time "$@"', 'bench', ...argv];
    const child = spawn('bash', timed, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    let peak = 0;
    const timer = setInterval(() => (peak = Math.max(peak, anonymousOf(child.pid ?? 0))), 20);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      const [, user, system, wall] = /CPU ([\d.]+) ([\d.]+) ([\d.]+)\s*$/.exec(errors) ?? [];
      const seconds = (text: string | undefined) => Number(text) * 1000;
      resolve({
        code: code ?? 1,
        wallMs: seconds(wall),
        cpuMs: seconds(user) + seconds(system),
        anonymousBytes: peak,
        output: output + errors,
      });
    });
  });
}

function anonymousOf(root: number): number {
  const parents = new Map<number, number>();
  const bytes = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      parents.set(Number(name), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]));
      bytes.set(Number(name), Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // The process ended while it was looked at.
    }
  }
  let sum = 0;
  for (const pid of parents.keys()) if (isBelow(pid, root, parents)) sum += bytes.get(pid) ?? 0;
  return sum;
}

function isBelow(pid: number, root: number, parents: ReadonlyMap<number, number>): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === root) return true;
  return false;
}
