// Secrets of the configuration in what a house writes: its log, its journal, what commands printed. Real store, real journal.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { sha256 } from '../../src/base/hash.ts';
import { jsonLogger } from '../../src/base/logger.ts';
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts';
import type { ExecOutcome, Executor } from '../../src/contracts/executor.ts';
import { createTextMask } from '../../src/secrets/mask-text.ts';
import { bash, finish, makeRepo, scriptOf, testHouse } from './house.ts';
import { inScene } from '../unit/journal/scene.ts';
import { loadMask, type Mask, maskedExecutor, maskedJournal, maskedLogger } from '../../src/masking.ts';

const VALUE = 'npm_abcdefghij0123456789';
const RUN = 'run_1';

test('every secret of the configuration that is set is known by its place: named ones, keys of engines', async (context) => {
  const mask = await maskOf(context, { T: VALUE, K: 'sk-abcdefghijklmnop' });
  assert.equal(mask?.(`${VALUE} sk-abcdefghijklmnop`), '[secret NPM_TOKEN] [secret backends.vllm.key]');
  assert.equal(await maskOf(context, {}), undefined, 'none is set');
});

test('a log line holds no value, in its message or in its fields', async (context) => {
  const mask = await realMask(context);
  const lines: string[] = [];
  const logger = maskedLogger(
    jsonLogger(
      (line) => lines.push(line),
      () => 0,
    ),
    mask,
  );
  logger.info(`fetched with ${VALUE}`, { url: `https://x/?t=${VALUE}`, bytes: 3 });
  logger.warn('plain');
  logger.error('failed', { message: Buffer.from(VALUE).toString('base64') });
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as object),
    [
      {
        time: '1970-01-01T00:00:00.000Z',
        level: 'info',
        message: 'fetched with [secret NPM_TOKEN]',
        url: 'https://x/?t=[secret NPM_TOKEN]',
        bytes: 3,
      },
      { time: '1970-01-01T00:00:00.000Z', level: 'warn', message: 'plain' },
      { time: '1970-01-01T00:00:00.000Z', level: 'error', message: 'failed', reason: '[secret NPM_TOKEN]' },
    ],
  );
});

test('what a command printed is masked before anyone sees it', async (context) => {
  const mask = await realMask(context);
  const output = { head: `a ${VALUE}`, tail: `${VALUE} b`, bytes: 60, lines: 2, cutBytes: 0, cutLines: 0 };
  const outcome: ExecOutcome = { end: 'exited', exitCode: 0, output, ms: 1, restarted: false };
  const executor: Pick<Executor, 'exec'> = { exec: async () => ({ ok: true, value: outcome }) };
  const masked = maskedExecutor({ port: executor as Executor }, mask).port;
  const request = { sandbox: 's', exec: 'e', command: 'x', timeoutMs: 1, outputBytes: 1, keep: false };
  assert.deepEqual(await masked.exec(request), {
    ok: true,
    value: { ...outcome, output: { ...output, head: 'a [secret NPM_TOKEN]', tail: '[secret NPM_TOKEN] b' } },
  });
});

test('a content of the journal that holds a value is stored masked, found by its name, and the chain is whole', async (context) => {
  const mask = await realMask(context);
  await inScene(async ({ journal: raw }) => {
    const journal = maskedJournal(raw, mask);
    const text = `do it with ${VALUE}`;
    const masked = 'do it with [secret NPM_TOKEN]';
    const [said] = await journal.append([
      { chain: RUN, body: { type: 'message_received', by: VALUE, textHash: sha256(text) }, contents: [text] },
    ]);
    assert.deepEqual(said?.body, { type: 'message_received', by: '[secret NPM_TOKEN]', textHash: sha256(masked) });
    assert.equal(await raw.content(sha256(masked)), masked);
    assert.equal(await raw.content(sha256(text)), undefined);
    const naming = JSON.stringify({ added: [sha256(text)] });
    const requested = {
      type: 'model_requested',
      step: 1,
      attempt: 1,
      messages: 1,
      requestHash: sha256(naming),
    } as const;
    const [event] = await journal.append([{ chain: RUN, body: requested, contents: [naming] }]);
    const stored = JSON.stringify({ added: [sha256(masked)] });
    assert.deepEqual(event?.body, { ...requested, requestHash: sha256(stored) });
    assert.equal(await raw.content(sha256(stored)), stored);
    assert.equal((await raw.read(RUN, 0, 10)).length, 2);
  });
});

test('what holds no value is stored as it is', async (context) => {
  const mask = await realMask(context);
  await inScene(async ({ journal: raw }) => {
    const journal = maskedJournal(raw, mask);
    const body = { type: 'message_received', by: 'me', textHash: sha256('hello') } as const;
    const [event] = await journal.append([{ chain: RUN, body, contents: ['hello'] }]);
    assert.deepEqual(event?.body, body);
    assert.equal(await raw.content(sha256('hello')), 'hello');
  });
});

test('a run whose task and repository hold a value ends with a journal, a store and a log that do not', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-masking-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'token'), VALUE);
  const lines: string[] = [];
  const secret = { value: { file: join(folder, 'token') }, host: 'registry.example.com', header: 'authorization' };
  const house = await testHouse(context, {
    script: scriptOf([bash('cat notes.txt; base64 notes.txt'), finish('')]),
    settings: { secrets: { NPM_TOKEN: secret } },
    logger: jsonLogger(
      (line) => lines.push(line),
      () => 0,
    ),
  });
  const repo = await makeRepo(context, { 'notes.txt': `token: ${VALUE}\n` });
  const record = await house.work(repo, { task: `Use ${VALUE} for it.` });
  const events = await house.events(record.id);
  const hashes = JSON.stringify(events).match(/sha256:[0-9a-f]{64}/g) ?? [];
  const contents = await Promise.all([...new Set(hashes)].map((hash) => house.journal.content(hash)));
  const kept = [JSON.stringify(events), ...contents, ...lines].join('\n');
  assert.notEqual(record.end?.end, 'failed', JSON.stringify(record.end));
  assert.equal(createTextMask([{ name: 'T', value: VALUE }])?.(kept), kept, 'a value is kept');
  assert.equal(kept.includes('token: [secret NPM_TOKEN]'), true, 'the result of the command is kept');
});

async function realMask(context: TestContext): Promise<Mask> {
  const mask = await maskOf(context, { T: VALUE });
  assert.ok(mask);
  return mask;
}

async function maskOf(context: TestContext, env: NodeJS.ProcessEnv): Promise<Mask | undefined> {
  return loadMask(await configOf(context, env));
}

async function configOf(context: TestContext, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-masking-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const yaml =
    'secrets: {NPM_TOKEN: {value: "${T}", host: registry.example.com, header: authorization}}\n' +
    'backends: [{name: vllm, type: openai, url: "http://127.0.0.1:1/v1", key: "${K}"}]\n';
  const userFile = join(folder, 'user.yaml');
  await writeFile(userFile, yaml);
  const sources = {
    flags: [],
    env,
    home: folder,
    cwd: folder,
    isRoot: false,
    systemFile: join(folder, 'none'),
    userFile,
  };
  return loadConfig(sources);
}
