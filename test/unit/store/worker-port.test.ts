// What happens to those who wait when a worker dies under them.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { noFaults } from '../../../src/base/faults.ts';
import { startThread, type WorkerPort } from '../../../src/store/worker-port.ts';
import { inDirectory } from './scene.ts';

/** A worker that opens, answers nothing, and does what `step` says at the first call. */
async function withWorker(step: string, use: (port: WorkerPort) => Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const script = join(directory, 'worker.mjs');
    const lines = [
      `import { parentPort } from 'node:worker_threads';`,
      `parentPort.on('message', (message) => {`,
      `  if (message.type === 'open') return parentPort.postMessage({ type: 'opened' });`,
      `  ${step}`,
      `});`,
    ];
    await writeFile(script, lines.join('\n'));
    await use(await startThread(pathToFileURL(script)).open({ file: 'none' }, noFaults));
  });
}

async function assertAllReject(port: WorkerPort, message: RegExp): Promise<void> {
  const calls = [port.call('one', {}), port.call('two', {}), port.call('three', {})];
  for (const call of calls) call.catch(() => {});
  for (const call of calls) await assert.rejects(call, { code: 'internal', message });
  await assert.rejects(port.call('later', {}), { code: 'internal', message });
  await port.close();
}

test('a worker that throws rejects every call that waits and every later one, with its words', async () => {
  await withWorker(`throw new Error('it broke')`, (port) => assertAllReject(port, /it broke/));
});

test('a worker that exits rejects every call that waits and every later one', async () => {
  await withWorker('process.exit(3)', (port) => assertAllReject(port, /closed/));
});

test('a worker that cannot be started rejects', async () => {
  const missing = pathToFileURL('/no/such/worker.mjs');
  await assert.rejects(startThread(missing).open({ file: 'none' }, noFaults), { code: 'internal' });
});
