// Several real engines of one model behind the real gateway: conversations stay where their cache is, and no death of an engine is seen.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRouter, type Router, type RouterOptions } from '../../../src/backends/router.ts';
import { call, callJson } from '../http.ts';
import { type Service, startService } from '../service.ts';
import { backendOf, type CachingEngine, startCachingEngine } from './caching-engine.ts';

type Context = Parameters<typeof startService>[0];

const PATH = '/v1/chat/completions';
const SYSTEM = { role: 'system', content: 'You are an agent that works on a repository. '.repeat(50) };
const NAMES = ['a', 'b', 'c', 'd'] as const;

interface Scene {
  readonly engines: readonly CachingEngine[];
  readonly router: Router;
  readonly service: Service;
  readonly key: string;
}

async function start(context: Context, names: readonly string[], options: RouterOptions = {}): Promise<Scene> {
  const engines: CachingEngine[] = [];
  for (const name of names) engines.push(await startCachingEngine(context, name));
  const router = createRouter(
    engines.map((engine) => backendOf(engine)),
    options,
  );
  context.after(router.watch());
  const { stream, passing } = router;
  const service = await startService(context, { changes: { stream, passing } });
  return { engines, router, service, key: await service.key(['client']) };
}

/** Every second conversation is read on its way; the others pass as bytes. */
const bodyOf = (conversation: number, turn: number) => ({
  model: 'm',
  stream: true,
  messages: [
    SYSTEM,
    { role: 'user', content: `Task ${conversation}: ${'make the tests green '.repeat(10)}` },
    ...Array.from({ length: turn }, (_, past) => [
      { role: 'assistant', content: `I look at file ${past} of ${conversation}.` },
      { role: 'user', content: `line ${past} ${'of the output '.repeat(25)}` },
    ]).flat(),
  ],
  ...(conversation % 2 === 0 ? { prompt_cache_key: `session-${conversation}` } : {}),
});

const CONVERSATIONS = 16;
const TURNS = 24;

/** All conversations at once, each turn behind the one before it. Statuses that are not 200, and answers that are not whole. */
async function work({ service, key }: Scene, atTurn: (turn: number) => Promise<void>): Promise<readonly string[]> {
  const failures: string[] = [];
  let first = 0;
  const converse = async (conversation: number) => {
    for (let turn = 0; turn < TURNS; turn += 1) {
      if (turn > first) await atTurn((first = turn));
      const { status, text } = await call(service, 'POST', PATH, { key, json: bodyOf(conversation, turn) });
      if (status !== 200 || !text.endsWith('data: [DONE]\n\n'))
        failures.push(`${conversation}/${turn}: ${status} ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CONVERSATIONS }, (_, conversation) => converse(conversation)));
  return failures;
}

function shareOf(engines: readonly CachingEngine[]): number {
  const sum = (of: 'prompt' | 'cached') => engines.reduce((total, { told }) => total + told[of], 0);
  return sum('cached') / sum('prompt');
}

test('four replicas keep 95 % of the cached tokens of one, while one is killed and comes back, and no request fails', async (t) => {
  const alone = await start(t, ['alone']);
  assert.deepEqual(await work(alone, async () => {}), []);
  const four = await start(t, NAMES);
  const victim = four.engines[1] ?? assert.fail();
  let before = 0;
  const failures = await work(four, async (turn) => {
    if (turn === 8) before = victim.told.prompt;
    if (turn === 8) await victim.kill();
    if (turn === 16) await victim.revive();
  });
  assert.deepEqual(failures, []);
  const shares = { one: shareOf(alone.engines), four: shareOf(four.engines) };
  t.diagnostic(`cached-token share: one ${shares.one.toFixed(4)}, four ${shares.four.toFixed(4)}`);
  assert.ok(shares.four >= 0.95 * shares.one, JSON.stringify(shares));
  const sums = four.router.states().map(({ promptTokens = 0, cachedTokens = 0 }) => [promptTokens, cachedTokens]);
  assert.deepEqual(
    sums.filter((_, at) => at !== 1),
    four.engines.filter((_, at) => at !== 1).map(({ told }) => [told.prompt, told.cached]),
  );
  assert.ok(before > 0 && four.engines.every(({ told }) => told.prompt > 0), 'each replica did some of the work');
});

test('a conversation is one to a router behind the engine as well, on both ways', async (t) => {
  const { engines, service, key } = await start(t, ['a']);
  for (const conversation of [0, 1])
    for (const turn of [0, 1]) await call(service, 'POST', PATH, { key, json: bodyOf(conversation, turn) });
  const [read = '', again, passed = '', repeated] = engines[0]?.sessions ?? [];
  assert.deepEqual([read, again, repeated], ['session-0', 'session-0', passed]);
  assert.match(passed, /^opening-[0-9a-f]{8}$/);
  await call(service, 'POST', PATH, { key, json: bodyOf(1, 2), headers: { 'x-session-id': 'mine' } });
  assert.equal(engines[0]?.sessions.at(-1), 'mine');
});

describe('an engine', () => {
  const asks = async ({ service, key }: Scene, count: number) => {
    const statuses: number[] = [];
    for (let number = 0; number < count; number += 1)
      statuses.push((await call(service, 'POST', PATH, { key, json: bodyOf(number, 0) })).status);
    return statuses;
  };
  const ok = (count: number) => Array.from({ length: count }, () => 200);

  for (const mode of ['failing', 'dying'] as const)
    test(`that says it is well and is ${mode} is let alone after three failures; nobody sees them`, async (t) => {
      const scene = await start(t, ['a', 'b']);
      (scene.engines[0] ?? assert.fail()).mode = mode;
      assert.deepEqual(await asks(scene, 30), ok(30));
      const [bad, good] = scene.router.states();
      const { state, failures, lastFailure } = bad ?? assert.fail();
      assert.deepEqual(
        { state, failures, code: typeof lastFailure?.code },
        { state: 'away', failures: 3, code: 'string' },
      );
      assert.deepEqual(
        { state: good?.state, failures: good?.failures, inFlight: good?.inFlight },
        { state: 'up', failures: 0, inFlight: 0 },
      );
    });

  test('that is full is told as such, and no other gets its requests for that', async (t) => {
    const scene = await start(t, ['a', 'b']);
    for (const engine of scene.engines) engine.mode = 'full';
    assert.deepEqual(await asks(scene, 2), [503, 503]);
    assert.deepEqual(
      scene.router
        .states()
        .map(({ requests, failures, state }) => ({ requests, failures, state }))
        .sort((a, b) => a.requests - b.requests),
      [
        { requests: 1, failures: 0, state: 'up' },
        { requests: 1, failures: 0, state: 'up' },
      ],
    );
  });

  test('that comes back with another model gets no more requests for the first, and those for the other', async (t) => {
    const scene = await start(t, ['a', 'b']);
    const [changed = assert.fail()] = scene.engines;
    assert.deepEqual(await asks(scene, 8), ok(8));
    await changed.kill();
    assert.deepEqual(await asks(scene, 8), ok(8));
    changed.model = 'other';
    await changed.revive();
    while (scene.router.states()[0]?.state === 'away') await new Promise((resolve) => setTimeout(resolve, 50));
    assert.deepEqual(await asks(scene, 8), ok(8));
    const json = { ...bodyOf(0, 0), model: 'other' };
    const { status, text } = await call(scene.service, 'POST', PATH, { key: scene.key, json });
    assert.equal(status, 200);
    assert.match(text, /"content":"a"/);
  });

  test('that is drained gets nothing new until it is taken back', async (t) => {
    const scene = await start(t, ['a', 'b']);
    await asks(scene, 8);
    const before = scene.router.drain('a', true)?.requests;
    await asks(scene, 8);
    assert.deepEqual([scene.router.states()[0]?.requests, scene.router.states()[0]?.state], [before, 'draining']);
    scene.router.drain('a', false);
    await asks(scene, 8);
    assert.ok((scene.router.states()[0]?.requests ?? 0) > (before ?? 0));
    assert.equal(scene.router.drain('nobody', true), undefined);
  });
});

describe('where no replica is left', () => {
  for (const away of ['killed', 'drained'] as const)
    test(`because all are ${away}, clients are told to come again, and are answered when one is back`, async (t) => {
      const { engines, router, service, key } = await start(t, ['a', 'b']);
      const ask = (stream: boolean, number: number) =>
        callJson(service, 'POST', PATH, { key, json: { ...bodyOf(number, 0), stream } });
      await call(service, 'POST', PATH, { key, json: bodyOf(0, 0) });
      if (away === 'drained') for (const { name } of engines) router.drain(name, true);
      else for (const engine of engines) await engine.kill();
      for (const stream of [true, false])
        for (const number of [0, 1]) {
          const { status, headers } = await ask(stream, number);
          assert.deepEqual([status, headers['retry-after']], [503, '5']);
        }
      if (away === 'drained') router.drain('a', false);
      else await engines[0]?.revive();
      const { status } = await call(service, 'POST', PATH, { key, json: bodyOf(0, 0) });
      assert.equal(status, 200);
    });

  test('another model answers, where the configuration names one', async (t) => {
    const { engines, service, key } = await start(t, ['a', 'b'], {
      fallbackOf: (model) => (model === 'm' ? 'small' : undefined),
    });
    const [a = assert.fail(), b = assert.fail()] = engines;
    b.model = 'small';
    const ask = (number: number) => call(service, 'POST', PATH, { key, json: bodyOf(number, 0) });
    const own = await ask(0);
    assert.match(own.text, /"content":"a"/);
    assert.deepEqual([modelsIn(own.text), own.headers['x-caisson-model']], [['m'], undefined]);
    await a.kill();
    for (const number of [0, 1]) {
      const { text, headers } = await ask(number);
      assert.match(text, /"content":"b"/);
      assert.deepEqual([modelsIn(text), headers['x-caisson-model']], [['small'], 'small']);
    }
  });

  test('every dialect, streamed and whole, says which model answered, and what was used is counted for it', async (t) => {
    const { engines, service, key } = await start(t, ['a', 'b'], {});
    const [a = assert.fail(), b = assert.fail()] = engines;
    b.model = 'small';
    await call(service, 'POST', PATH, { key, json: bodyOf(0, 0) });
    await a.kill();
    const messages = [{ role: 'user', content: 'hi' }];
    const bodies: readonly (readonly [path: string, body: object])[] = [
      ['/v1/chat/completions', { messages }],
      ['/v1/chat/completions', { messages, n: 2 }],
      ['/v1/messages', { messages, max_tokens: 9 }],
      ['/v1/responses', { input: 'hi' }],
    ];
    for (const [path, body] of bodies)
      for (const stream of [true, false]) {
        const json = { model: 'm', fallback_model: 'small', stream, ...body };
        const { status, text, headers } = await call(service, 'POST', path, { key, json });
        assert.deepEqual([path, stream, status, modelsIn(text)], [path, stream, 200, ['small']], text);
        assert.equal(headers['x-caisson-model'], 'small');
      }
    const minute = 60_000;
    const [from, to] = [Date.now() - minute, Date.now() + minute];
    const report = await service.ports.admission.usage({ from, to, by: 'model' });
    assert.deepEqual(Object.fromEntries(report.map(({ of, requests }) => [of, requests])), { m: 1, small: 10 });
    const { key: narrow } = await service.ports.accounts.create({
      name: 'narrow',
      team: 'red',
      roles: ['client'],
      limits: { models: ['m'] },
    });
    const refused = await call(service, 'POST', PATH, {
      key: narrow,
      json: { model: 'm', fallback_model: 'small', messages },
    });
    assert.deepEqual([refused.status, /fallback_model: this key may not use/.test(refused.text)], [403, true]);
  });

  test('another model answers, where the client names one that its key may use', async (t) => {
    const { engines, service, key } = await start(t, ['a', 'b']);
    const [a = assert.fail(), b = assert.fail()] = engines;
    b.model = 'small';
    const headers = { 'x-caisson-fallback-model': 'small' };
    const ask = (number: number, more: object = { headers }) =>
      call(service, 'POST', PATH, { key, json: bodyOf(number, 0), ...more });
    assert.match((await ask(0)).text, /"content":"a"/);
    await a.kill();
    for (const number of [0, 1]) assert.match((await ask(number)).text, /"content":"b"/);
    assert.equal((await ask(0, {})).status, 503);
    const { key: narrow } = await service.ports.accounts.create({
      name: 'narrow',
      team: 'red',
      roles: ['client'],
      limits: { models: ['m'] },
    });
    assert.equal((await ask(0, { headers, key: narrow })).status, 403);
  });
});

/** Every model that the answer names. */
function modelsIn(text: string): readonly string[] {
  return [...new Set(Array.from(text.matchAll(/"model":"([^"]*)"/g), ([, model = '']) => model))];
}
