// Shows that no server outlives the tests that started it, even where they are killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { readProcess } from '../../../src/sandbox/processes.ts';

const DEAD_MS = 10_000;

test('a group dies with the process that started it, when that one is killed', { timeout: 30_000 }, async () => {
  const starter = spawn(process.execPath, [join(import.meta.dirname, 'guard-child.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(starter.stdout, 'data')) as [Buffer];
  const leader = Number(String(said));
  await delay(300);
  assert.equal(isAlive(leader), true);
  starter.kill('SIGKILL');
  for (const until = Date.now() + DEAD_MS; isAlive(leader) && Date.now() < until;) await delay(20);
  assert.equal(isAlive(leader), false);
});

function isAlive(pid: number): boolean {
  const state = readProcess(pid)?.state;
  return state !== undefined && state !== 'Z';
}
