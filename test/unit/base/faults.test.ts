// Owns the proof that a fault point kills a process where it was told to, and only there. Knows no effect of Caisson.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { noFaults } from '../../../src/base/faults.ts';

const FAULTS = join(import.meta.dirname, '..', '..', '..', 'src', 'base', 'faults.ts');

/** A process that passes three fault points and prints after each; killed at the `target`-th. */
function passThree(target: number): Promise<{ signal: NodeJS.Signals | null; code: number | null; printed: string }> {
  const program = `
    import { writeSync } from 'node:fs';
    const { killAt } = await import(${JSON.stringify(FAULTS)});
    const fault = killAt(${target}, (count, place) => writeSync(1, count + ':' + place + ' '));
    for (const place of ['a', 'b', 'c']) { fault(place); writeSync(1, 'passed '); }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program]);
  let printed = '';
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, printed })));
}

test('the process is dead before anything behind the fault point happens', async () => {
  assert.deepEqual(await Promise.all([1, 2, 3].map(passThree)), [
    { code: null, signal: 'SIGKILL', printed: '1:a ' },
    { code: null, signal: 'SIGKILL', printed: '1:a passed 2:b ' },
    { code: null, signal: 'SIGKILL', printed: '1:a passed 2:b passed 3:c ' },
  ]);
});

test('a target that is never reached kills nothing', async () => {
  assert.deepEqual(await passThree(4), { code: 0, signal: null, printed: '1:a passed 2:b passed 3:c passed ' });
});

test('without a plan a fault point does nothing', () => {
  assert.equal(noFaults('anywhere'), undefined);
});
