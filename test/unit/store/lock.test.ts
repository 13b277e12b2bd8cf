// One process uses a data directory: a second one is told who holds it, and the lock goes with its holder, however that ends.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { noFaults } from '../../../src/base/faults.ts';
import { openStore } from '../../../src/store/open.ts';
import { appendRow, inDirectory, readChain, row } from './scene.ts';

const HOLDER = fileURLToPath(new URL('./holder-child.ts', import.meta.url));
const open = (dataDir: string) => openStore({ dataDir, faults: noFaults });

/** A process that has opened the directory and stored one row. */
async function startHolder(directory: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOLDER, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  assert.ok(child.stdout !== null);
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(said.toString(), 'stored\n');
  return child;
}

test('a second process is refused and told which process on which host holds the directory', async () => {
  await inDirectory(async (directory) => {
    const holder = await startHolder(directory);
    try {
      const message = `${directory} is in use by process ${holder.pid} on ${hostname()}`;
      await assert.rejects(open(directory), { code: 'data_dir_locked', message });
      // Being refused took nothing from the holder.
      await assert.rejects(open(directory), { code: 'data_dir_locked', message });
    } finally {
      holder.kill('SIGKILL');
      await once(holder, 'close');
    }
  });
});

test('kill -9 of the holder frees the directory at once, with everything it had acknowledged', async () => {
  await inDirectory(async (directory) => {
    const holder = await startHolder(directory);
    holder.kill('SIGKILL');
    await once(holder, 'close');
    assert.match(await readFile(join(directory, 'lock.owner'), 'utf8'), new RegExp(`^${holder.pid} on `));
    const store = await open(directory);
    assert.deepEqual(await readChain(store, 'a'), [1]);
    await store.close();
  });
});

test('the same process cannot open a directory twice, can after closing it, and the failed try does not free the lock', async () => {
  await inDirectory(async (directory) => {
    const first = await open(directory);
    await assert.rejects(open(directory), { code: 'data_dir_locked' });
    await assertLockedForOthers(directory);
    await appendRow(first, row('a', 1));
    await first.close();
    const second = await open(directory);
    assert.deepEqual(await readChain(second, 'a'), [1]);
    await second.close();
  });
});

test('reading the database from another connection of the process does not free the lock', async () => {
  await inDirectory(async (directory) => {
    const store = await open(directory);
    await readChain(store, 'a');
    await assertLockedForOthers(directory);
    await store.close();
  });
});

test('a missing directory is made, for its owner alone, with its parents', async () => {
  await inDirectory(async (directory) => {
    const dataDir = join(directory, 'deep', 'er');
    const store = await open(dataDir);
    await store.close();
    assert.equal((await stat(dataDir)).mode & 0o777, 0o700);
  });
});

test('a path that is a file, or below one, is unusable', async () => {
  await inDirectory(async (directory) => {
    const file = join(directory, 'file');
    await writeFile(file, '');
    for (const dataDir of [file, join(file, 'below')])
      await assert.rejects(open(dataDir), {
        code: 'data_dir_unusable',
        message: new RegExp(`cannot use the data directory ${dataDir}`),
      });
  });
});

test('a database that is a directory or not a database is refused with a coded error', async () => {
  await inDirectory(async (directory) => {
    const [one, two] = [join(directory, 'one'), join(directory, 'two')];
    await mkdir(join(one, 'caisson.db'), { recursive: true });
    await assert.rejects(open(one), { code: 'data_dir_unusable' });
    await mkdir(two);
    await writeFile(join(two, 'caisson.db'), 'not a database at all, but long enough to be read as one'.repeat(50));
    await assert.rejects(open(two), { code: 'journal_broken' });
    // A failed opening leaves no lock behind.
    await chmod(join(two, 'caisson.db'), 0o600);
    await writeFile(join(two, 'caisson.db'), '');
    const store = await open(two);
    await store.close();
  });
});

async function assertLockedForOthers(directory: string): Promise<void> {
  const child = spawn(process.execPath, [HOLDER, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr?.on('data', (text: Buffer) => (errors += text.toString()));
  await once(child, 'close');
  assert.match(errors, new RegExp(`is in use by process ${process.pid} `));
}
