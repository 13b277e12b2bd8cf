// Shows `caisson probe` as a person types it: against a real endpoint, into the real store, and what `doctor` makes of it.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { PROBE_CASES } from '../../src/backends/probe/cases.ts';
import type { ProbeReport } from '../../src/contracts/probes.ts';
import { chunk, DONE } from '../unit/backends/openai/frames.ts';
import { sendJson, sendStream, startEndpoint } from '../unit/backends/openai/scripted-endpoint.ts';
import { dataDirFor } from './cli-setup.ts';

const CAISSON = join(import.meta.dirname, '..', '..', 'bin', 'caisson');
const SAID = chunk({ content: 'yes' }, 'length', { usage: { prompt_tokens: 5, completion_tokens: 1 } });

const SAID_WHOLE = {
  choices: [{ index: 0, message: { content: 'yes' }, finish_reason: 'length' }],
  usage: { prompt_tokens: 5, completion_tokens: 1 },
};
const COUNT = PROBE_CASES.flatMap(({ onlyStreamed }) => (onlyStreamed === true ? [1] : [1, 1])).length;

/** An engine that says the same word to everything. */
async function scene(t: TestContext) {
  const { folder, dataDir } = dataDirFor(t);
  const endpoint = await startEndpoint(t, (response, { path, body }) => {
    if (path === '/version') sendJson(response, 200, { version: '0.30.0' });
    else if (path === '/v1/models') sendJson(response, 200, { data: [{ id: 'm', max_model_len: 4096 }] });
    else if (path !== '/v1/chat/completions') sendJson(response, 404, {});
    else if ((body as { stream: boolean }).stream) sendStream(response, SAID, DONE);
    else sendJson(response, 200, SAID_WHOLE);
  });
  const config = join(folder, 'caisson.yaml');
  const backends = [{ name: 'one', type: 'openai', url: endpoint.url }];
  writeFileSync(config, JSON.stringify({ data_dir: dataDir, server: { single_user: true }, backends }));
  const caisson = (...words: readonly string[]) =>
    new Promise<{ code: number; out: string; err: string }>((resolve) => {
      execFile(process.execPath, [CAISSON, ...words, '--config', config], (error, out, err) =>
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err }),
      );
    });
  return { caisson, serve: () => serve(config) };
}

/** Listens when it resolves; gives the way to stop it. */
async function serve(config: string): Promise<() => Promise<void>> {
  const words = [CAISSON, 'serve', '--config', config, '--port', '0'];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(child, 'exit');
  const [line] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
  assert.match(String(line), /serves at/);
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

const WORKING = ['text', 'usage', 'thinking off', 'limit on tokens', '8 at once'].flatMap((name) => [
  name,
  `${name}, whole`,
]);
const SCORE = Math.round((WORKING.length / COUNT) * 100);

test('it stores what each engine can do, and doctor tells it with the version of the engine', async (t) => {
  const { caisson } = await scene(t);
  const probed = await caisson('probe', '--json');
  assert.deepEqual([probed.code, probed.err], [1, '']);
  const [report] = JSON.parse(probed.out) as readonly ProbeReport[];
  assert.deepEqual(
    report?.results.filter(({ outcome }) => outcome === 'works').map(({ name }) => name),
    WORKING,
  );
  assert.deepEqual([report?.backend, report?.model, report?.version, report?.score], ['one', 'm', '0.30.0', SCORE]);

  const { out } = await caisson('doctor', '--json');
  const findings = JSON.parse(out) as readonly { name: string; ok: boolean; seen: string }[];
  const { ok, seen = '' } = findings.find(({ name }) => name === 'backend one') ?? {};
  assert.equal(ok, true, seen);
  assert.match(
    seen,
    /^serves m[^;]*; first token after \d+ ms; version 0\.30\.0; its queue has no end before 0\.31\.0/,
  );
  assert.match(
    seen,
    new RegExp(`; probe of m on 0\\.30\\.0: ${SCORE} of 100 \\(fails: stream, unicode, unicode, whole, thinking on, `),
  );
});

test('it prints a line for each case as it comes, and the score at the end', async (t) => {
  const { caisson } = await scene(t);
  const { code, out } = await caisson('probe', '--backend', 'one');
  const lines = out.trimEnd().split('\n');
  assert.deepEqual([code, lines.length], [1, COUNT + 1]);
  assert.match(lines[0] ?? '', /^works {5}one: text \(\d+ ms\)$/);
  assert.match(lines[2] ?? '', /^fails {5}one: stream \(\d+ ms\): it comes in one piece$/);
  assert.equal(lines.at(-1), `one: m on version 0.30.0: ${SCORE} of 100`);
});

test('a backend that is not there is refused with the names of those that are', async (t) => {
  const { caisson } = await scene(t);
  const { code, err } = await caisson('probe', '--backend', 'two');
  assert.equal(code, 1);
  assert.match(err, /there is no backend two\n.*There are: one\./);
});

test('beside a service that is at work it is that one that stores it', async (t) => {
  const { caisson, serve: start } = await scene(t);
  const stop = await start();
  const { code, err } = await caisson('probe', '--json');
  await stop();
  assert.deepEqual([code, err], [1, '']);
  const { out } = await caisson('doctor', '--json');
  assert.match(out, new RegExp(`probe of m on 0\\.30\\.0: ${SCORE} of 100`));
});
