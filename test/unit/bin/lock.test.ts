// Owns the proof that the lock keeps two processes apart and outlives no dead one. Knows not what is locked.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { loadPart, run } from './checkout.ts';

type WithLock = <Result>(folder: string, onWait: (pid: number) => void, work: () => Result) => Result;
const { withLock } = loadPart('lock') as { withLock: WithLock };
const PART = join(import.meta.dirname, '..', '..', '..', 'bin', 'parts', 'lock.cjs');

let scratch: string;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'caisson-lock-'));
});
after(() => rm(scratch, { recursive: true, force: true }));

/** Holds the lock in a process of its own, noting when it came and went; with `die`, it is killed while holding it. */
const holder = (folder: string, notes: string, die = false) => [
  process.execPath,
  '-e',
  `const fs = require('node:fs');
   require(${JSON.stringify(PART)}).withLock(${JSON.stringify(folder)}, () => {}, () => {
     fs.appendFileSync(${JSON.stringify(notes)}, 'in ');
     if (${die}) process.kill(process.pid, 'SIGKILL');
     Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
     fs.appendFileSync(${JSON.stringify(notes)}, 'out ');
   });`,
];

test('five processes enter one after the other, and nothing is left behind', async () => {
  const [folder, notes] = [join(scratch, 'a'), join(scratch, 'a.notes')];
  const ended = await Promise.all(Array.from({ length: 5 }, () => run(holder(folder, notes))));
  assert.deepEqual(
    ended.map(({ code, stderr }) => [code, stderr]),
    Array.from({ length: 5 }, () => [0, '']),
  );
  assert.equal(await readFile(notes, 'utf8'), 'in out '.repeat(5));
  assert.equal(existsSync(folder), false);
});

test('the lock of a killed process is taken over, by three waiters one after the other', async () => {
  const [folder, notes] = [join(scratch, 'b'), join(scratch, 'b.notes')];
  assert.equal((await run(holder(folder, notes, true))).signal, 'SIGKILL');
  assert.ok(existsSync(join(folder, 'bootstrap.lock', 'holder')));
  await Promise.all(Array.from({ length: 3 }, () => run(holder(folder, notes))));
  assert.equal(await readFile(notes, 'utf8'), `in ${'in out '.repeat(3)}`);
});

test('a process that only has the number of the dead holder does not count as the holder', async () => {
  const folder = join(scratch, 'c');
  withLock(
    folder,
    () => {},
    () => {
      // While we hold it, the file is made to say that an earlier process with our number does.
      const file = join(folder, 'bootstrap.lock', 'holder');
      spawnSync('sh', ['-c', 'sed -i \'s/"start":"[0-9]*"/"start":"1"/\' "$0"', file]);
      let entered = false;
      withLock(
        folder,
        () => assert.fail('it waits for a dead process'),
        () => (entered = true),
      );
      assert.ok(entered);
    },
  );
});

test('an exception in the work frees the lock', async () => {
  const folder = join(scratch, 'd');
  await writeFile(join(scratch, 'd.note'), '');
  const failing = () => {
    throw new Error('work failed');
  };
  assert.throws(() => withLock(folder, () => {}, failing), /work failed/);
  assert.equal(
    withLock(
      folder,
      () => assert.fail('it waits'),
      () => 'free',
    ),
    'free',
  );
});
