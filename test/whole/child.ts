// Owns the start of a fault child, its death, and what it said. Judges nothing.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Order, Said } from './fault-child.ts';

const CHILD = join(import.meta.dirname, 'fault-child.ts');

export interface ChildEnd {
  readonly said: readonly Said[];
  readonly signal: string | null;
  readonly code: number | null;
  readonly errors: string;
}

export type Wish = Partial<Order> & Pick<Order, 'dataDir'>;

/** `killAfterMs`: SIGKILL from outside that long after the child is armed. */
export function runChild(wish: Wish, killAfterMs?: number): Promise<ChildEnd> {
  const order: Order = {
    mode: 'resume',
    next: 'nothing',
    repo: '',
    killAt: 0,
    killIn: '',
    early: false,
    refs: [],
    ...wish,
  };
  const child = spawn(process.execPath, [CHILD, JSON.stringify(order)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', NODE_COMPILE_CACHE: join(wish.dataDir, 'compile-cache') },
  });
  const said: Said[] = [];
  let errors = '';
  let timer: NodeJS.Timeout | undefined;
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    errors += chunk;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const word = JSON.parse(line) as Said;
    said.push(word);
    if (word.say === 'armed' && killAfterMs !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ said, signal, code, errors });
    });
  });
}

export function wordOf<Name extends Said['say']>(
  { said }: ChildEnd,
  name: Name,
): Extract<Said, { say: Name }> | undefined {
  return said.find((word): word is Extract<Said, { say: Name }> => word.say === name);
}
