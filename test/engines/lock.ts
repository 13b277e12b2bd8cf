// Owns that one of several test files installs an engine while the others wait. Knows no engine.
import { mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from '../sdk/service.ts';

const LOCK_MS = 5 * 60_000;

export async function withLock<Value>(name: string, work: () => Promise<Value>): Promise<Value> {
  const lock = join(ROOT, 'node_modules', '.cache', `caisson-${name}.lock`);
  mkdirSync(join(lock, '..'), { recursive: true });
  while (!take(lock)) await delay(100);
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/** A lock that is old was left by a file that was killed. */
function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const made = statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (Date.now() - made > LOCK_MS) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}
