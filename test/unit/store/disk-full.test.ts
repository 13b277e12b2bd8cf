// A disk that takes no more: what was acknowledged stays, the rest is told so, and the same process goes on when there is room again.
// The room is a file size limit of the kernel on a real process, lifted from outside while it runs.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { openStore } from '../../../src/store/open.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { inDirectory, readChain } from './scene.ts';

const FILLER = fileURLToPath(new URL('./filler-child.ts', import.meta.url));
const ROOM_BYTES = 1_500_000;

test('a full disk loses nothing that was acknowledged, and the store goes on when there is room again', async () => {
  await inDirectory(async (directory) => {
    const limit = `--fsize=${ROOM_BYTES}:unlimited`;
    const child = spawn('prlimit', [limit, process.execPath, FILLER, directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const next = async () => (await lines.next()).value as string;

    const [, before = '', code] = (await next()).split(' ');
    assert.equal(code, 'disk_full');
    assert.ok(Number(before) > 5, `${before} rows before the disk was full`);
    assert.equal(await next(), 'again disk_full');
    assert.equal(await next(), `readable ${before}`);

    await promisify(execFile)('prlimit', ['--pid', String(child.pid), '--fsize=unlimited:unlimited']);
    child.stdin.write('there is room\n');
    const after = Number(before) + 20;
    assert.equal(await next(), `stored ${after}`);
    child.kill('SIGKILL');
    await once(child, 'close');

    const store = await openStore({ dataDir: directory, faults: noFaults });
    assert.deepEqual(
      await readChain(store, 'a'),
      Array.from({ length: after }, (_, index) => index + 1),
    );
    await store.close();
  });
});
