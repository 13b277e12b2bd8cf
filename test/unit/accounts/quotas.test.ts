// Limits of accounts on a real store: what is let in, what is left, what a restart and a jump of the clock do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createQuotas, type Entry, type Quotas, type Standing } from '../../../src/accounts/quotas.ts';
import { createUsageLog, type UsageLog } from '../../../src/accounts/usage.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { KeyLimits, Principal } from '../../../src/contracts/accounts.ts';
import type { Store } from '../../../src/store/open.ts';
import { inStore } from '../store/scene.ts';

/** A noon, in the middle of a minute. */
const NOON = Date.UTC(2026, 0, 31, 12, 0, 30);
const HOUR = 3_600_000;

interface Scene {
  readonly quotas: Quotas;
  readonly usage: UsageLog;
  readonly clock: { now: number; monotonic: number };
  pass(milliseconds: number): void;
  /** Another process on the same store. */
  restart(): Promise<Scene>;
}

function open(store: Store, now: number): Scene {
  const clock = { now, monotonic: 1000 };
  const sense = { now: () => clock.now, monotonic: () => clock.monotonic };
  const usage = createUsageLog({ store, clock: sense, logger: silentLogger });
  return {
    quotas: createQuotas({ store, clock: sense, usage }),
    usage,
    clock,
    pass: (milliseconds) => {
      clock.now += milliseconds;
      clock.monotonic += milliseconds;
    },
    restart: async () => {
      await usage.close();
      return open(store, clock.now);
    },
  };
}

const inScene = (test: (scene: Scene) => Promise<void>) => inStore((store) => test(open(store, NOON)));

function principal(limits: KeyLimits): Principal {
  return { id: 'key_a', name: 'a', team: 'red', roles: ['client'], limits };
}

function enter({ quotas }: Scene, limits: KeyLimits, promptTokens = 0, model = 'm'): Promise<Entry> {
  return quotas.enter(principal(limits), { model, promptTokens });
}

/** One request from its start to its end, as the gateway does it. */
async function use(scene: Scene, limits: KeyLimits, tokens: number, gpuSeconds = 0): Promise<Standing> {
  const entry = await enter(scene, limits);
  if (!entry.ok) return assert.fail(entry.error.message);
  entry.visit.end({ tokens, gpuSeconds });
  const used = { promptTokens: tokens, completionTokens: 0, cachedTokens: 0, gpuSeconds };
  scene.usage.add({ account: 'key_a', team: 'red', model: 'm', run: '', exact: true, ...used });
  return entry.standing;
}

async function refusal(scene: Scene, limits: KeyLimits, promptTokens = 0) {
  const entry = await enter(scene, limits, promptTokens);
  if (entry.ok) return assert.fail('it was let in');
  const { code, message, retryAfterSeconds } = entry.error;
  return { code, message, retryAfterSeconds };
}

test('without limits nothing is counted and nothing is read', async () => {
  await inStore(async (store) => {
    const reads: string[] = [];
    const watched: Store = { ...store, read: (name, args) => (reads.push(name), store.read(name, args)) };
    const scene = open(watched, NOON);
    for (let count = 0; count < 100; count += 1) assert.deepEqual(await use(scene, {}, 1_000_000), {});
    assert.deepEqual(reads, []);
    await scene.usage.close();
  });
});

test('the requests of a minute are counted down, and the next one is told how long to wait', async () => {
  await inScene(async (scene) => {
    const limits = { requestsPerMinute: 3 };
    const standings = [];
    for (let count = 0; count < 3; count += 1) {
      standings.push((await use(scene, limits, 1)).requests);
      scene.pass(10_000);
    }
    assert.deepEqual(standings, [
      { limit: 3, remaining: 2, resetMs: 60_000 },
      { limit: 3, remaining: 1, resetMs: 60_000 },
      { limit: 3, remaining: 0, resetMs: 60_000 },
    ]);
    const refused = {
      code: 'rate_limit_exceeded',
      message: 'this key may send 3 requests a minute',
      retryAfterSeconds: 30,
    };
    for (let count = 0; count < 5; count += 1) assert.deepEqual(await refusal(scene, limits), refused);
    scene.pass(29_999);
    assert.deepEqual(await refusal(scene, limits), { ...refused, retryAfterSeconds: 1 });
    scene.pass(1);
    assert.equal((await use(scene, limits, 1)).requests?.remaining, 0);
  });
});

test('tokens of a minute: those of requests that run are held back, those of ended ones count', async () => {
  await inScene(async (scene) => {
    const limits = { tokensPerMinute: 1000 };
    const first = await enter(scene, limits, 600);
    assert.ok(first.ok);
    assert.equal(first.standing.tokens?.remaining, 400);
    assert.equal((await refusal(scene, limits, 500)).message, 'this key may use 1000 tokens a minute');
    first.visit.end({ tokens: 300, gpuSeconds: 0 });
    first.visit.end({ tokens: 300, gpuSeconds: 0 });
    const second = await enter(scene, limits, 500);
    assert.ok(second.ok);
    assert.equal(second.standing.tokens?.remaining, 200);
    second.visit.end({ tokens: 900, gpuSeconds: 0 });
    assert.deepEqual(await refusal(scene, limits), {
      code: 'rate_limit_exceeded',
      message: 'this key may use 1000 tokens a minute',
      retryAfterSeconds: 60,
    });
    scene.pass(60_000);
    assert.ok((await enter(scene, limits, 500)).ok);
  });
});

test('a prompt that is over the limit by itself is let in when nothing else was used, and only then', async () => {
  await inScene(async (scene) => {
    const limits = { tokensPerMinute: 1000 };
    const large = await enter(scene, limits, 5000);
    assert.ok(large.ok);
    assert.equal((await refusal(scene, limits, 1)).code, 'rate_limit_exceeded');
    large.visit.end({ tokens: 5000, gpuSeconds: 0 });
    assert.equal((await refusal(scene, limits, 5000)).retryAfterSeconds, 60);
    scene.pass(60_000);
    assert.ok((await enter(scene, limits, 5000)).ok);
  });
});

test('requests at the same time are bounded until they end, however often an end is told', async () => {
  await inScene(async (scene) => {
    const limits = { streams: 2 };
    const [first, second] = [await enter(scene, limits), await enter(scene, limits)];
    assert.ok(first.ok && second.ok);
    assert.deepEqual(await refusal(scene, limits), {
      code: 'rate_limit_exceeded',
      message: 'this key may have 2 requests at the same time',
      retryAfterSeconds: 1,
    });
    first.visit.end({ tokens: 0, gpuSeconds: 0 });
    first.visit.end({ tokens: 0, gpuSeconds: 0 });
    assert.ok((await enter(scene, limits)).ok);
    assert.equal((await refusal(scene, limits)).code, 'rate_limit_exceeded');
  });
});

test('a hard budget refuses until midnight UTC; a soft one only warns', async () => {
  await inScene(async (scene) => {
    const limits = { dailyTokens: 100, dailyGpuSeconds: 5 };
    await use(scene, limits, 60, 1);
    await use(scene, limits, 60, 1);
    assert.deepEqual(await refusal(scene, limits), {
      code: 'budget_exceeded',
      message: 'the budget of this key is used up: 120 of 100 tokens today',
      retryAfterSeconds: 11 * 3600 + 59 * 60 + 30,
    });
    assert.deepEqual(await use(scene, { ...limits, budget: 'soft' }, 0, 3), { warning: '120 of 100 tokens today' });
    assert.equal(
      (await refusal(scene, { dailyGpuSeconds: 5 })).message,
      'the budget of this key is used up: 5.0 of 5 GPU seconds today',
    );
    scene.pass(12 * HOUR - 30_001);
    assert.equal((await refusal(scene, limits)).retryAfterSeconds, 1);
    scene.pass(1);
    assert.deepEqual(await use(scene, limits, 1), {});
  });
});

test('tokens of requests that run count against a hard budget before they are used', async () => {
  await inScene(async (scene) => {
    const limits = { dailyTokens: 1000 };
    const first = await enter(scene, limits, 1000);
    assert.ok(first.ok);
    assert.equal((await refusal(scene, limits)).code, 'budget_exceeded');
    first.visit.end({ tokens: 10, gpuSeconds: 0 });
    assert.ok((await enter(scene, limits)).ok);
  });
});

test('what a run used is taken from the budget of its owner', async () => {
  await inScene(async (scene) => {
    const limits = { dailyTokens: 100 };
    await use(scene, limits, 1);
    scene.quotas.charge('key_a', { tokens: 99, gpuSeconds: 0 });
    scene.quotas.charge('key_other', { tokens: 99, gpuSeconds: 0 });
    assert.equal((await refusal(scene, limits)).code, 'budget_exceeded');
  });
});

test('what was used before the first request and is not yet written counts as well', async () => {
  await inScene(async (scene) => {
    const used = { promptTokens: 90, completionTokens: 10, cachedTokens: 0, gpuSeconds: 0 };
    scene.usage.add({ account: 'key_a', team: 'red', model: 'm', run: 'run_a', exact: true, ...used });
    assert.equal((await refusal(scene, { dailyTokens: 100 })).code, 'budget_exceeded');
  });
});

test('only the models of a key are let in; a star means all that begin so', async () => {
  await inScene(async (scene) => {
    const limits = { models: ['qwen', 'team/*'] };
    const verdicts = await Promise.all(
      ['qwen', 'team/a', 'team/', 'qwen2', 'tea', ''].map(async (model) => (await enter(scene, limits, 0, model)).ok),
    );
    assert.deepEqual(verdicts, [true, true, true, false, false, false]);
    const entry = await enter(scene, limits, 0, 'gpt');
    assert.ok(!entry.ok);
    const { code, message, place } = entry.error;
    assert.deepEqual(
      { code, message, place },
      { code: 'forbidden', message: 'this key may not use the model "gpt"', place: { field: 'model' } },
    );
  });
});

test('a restart forgets neither the minute nor the day', async () => {
  await inScene(async (scene) => {
    const limits = { requestsPerMinute: 3, tokensPerMinute: 100, dailyTokens: 60, dailyGpuSeconds: 10 };
    for (let count = 0; count < 3; count += 1) await use(scene, limits, 20, 2);
    const after = await scene.restart();
    assert.equal((await refusal(after, limits)).code, 'budget_exceeded');
    const minute = { requestsPerMinute: 3 };
    assert.equal((await refusal(after, minute)).code, 'rate_limit_exceeded');
    const left = await enter(after, { requestsPerMinute: 4, tokensPerMinute: 100 });
    assert.ok(left.ok);
    assert.equal(left.standing.requests?.remaining, 0);
    assert.equal(left.standing.tokens?.remaining, 40);
    assert.equal((await refusal(after, { dailyGpuSeconds: 6 })).code, 'budget_exceeded');
    after.pass(60_000);
    assert.ok((await enter(after, minute)).ok);
  });
});

test('a steady use within the limit goes on through a restart in any second of a minute', async () => {
  for (const second of [0, 1, 15, 31, 59]) {
    await inScene(async (scene) => {
      scene.pass(30_000 + second * 1000);
      const limits = { requestsPerMinute: 30 };
      for (let count = 0; count < 60; count += 1) {
        await use(scene, limits, 1);
        scene.pass(2000);
      }
      const after = await scene.restart();
      assert.ok((await enter(after, limits)).ok, `restarted at second ${second}`);
    });
  }
});

test('what another day used, what a run used in this minute and what comes from the future is not counted', async () => {
  await inScene(async (scene) => {
    const limits = { dailyTokens: 100, requestsPerMinute: 2 };
    const used = { promptTokens: 90, completionTokens: 5, cachedTokens: 0, gpuSeconds: 1 };
    const entry = { account: 'key_a', team: 'red', model: 'm', exact: true, ...used };
    scene.clock.now = NOON - 24 * HOUR;
    scene.usage.add({ ...entry, run: '' });
    scene.clock.now = NOON + 5 * 60_000;
    scene.usage.add({ ...entry, run: '' });
    scene.clock.now = NOON;
    scene.usage.add({ ...entry, run: 'run_a', promptTokens: 10 });
    const after = await scene.restart();
    assert.equal((await use(after, limits, 84)).requests?.remaining, 1);
    assert.ok((await enter(after, limits)).ok, '10 + 5 + 84 of 100 tokens are used');
    assert.equal((await refusal(await scene.restart(), { dailyTokens: 15 })).code, 'budget_exceeded');
  });
});

test('many first requests at once read the store once and are all counted', async () => {
  await inStore(async (store) => {
    const reads: string[] = [];
    const watched: Store = { ...store, read: (name, args) => (reads.push(name), store.read(name, args)) };
    const scene = open(watched, NOON);
    const entries = await Promise.all(Array.from({ length: 50 }, () => enter(scene, { requestsPerMinute: 20 })));
    assert.equal(entries.filter(({ ok }) => ok).length, 20);
    assert.deepEqual(reads, ['readStanding']);
  });
});

test('a clock that jumps back or ahead by hours locks nobody out', async () => {
  for (const jump of [-5 * HOUR, -24 * HOUR, 5 * HOUR, 24 * HOUR, -365 * 24 * HOUR, 365 * 24 * HOUR]) {
    await inScene(async (scene) => {
      const limits = { requestsPerMinute: 2, tokensPerMinute: 1000, dailyTokens: 1000 };
      await use(scene, limits, 10);
      await use(scene, limits, 10);
      scene.clock.now += jump;
      assert.equal((await refusal(scene, limits)).retryAfterSeconds, 60, 'the minute goes on as before');
      scene.pass(60_000);
      await use(scene, limits, 10);
      scene.clock.now -= jump;
      scene.pass(60_000);
      await use(scene, limits, 10);
    });
  }
});

test('a budget that was used up on a wrong day in the future is whole on the right one', async () => {
  await inScene(async (scene) => {
    const limits = { dailyTokens: 100 };
    await use(scene, limits, 1);
    scene.clock.now += 365 * 24 * HOUR;
    await use(scene, limits, 100);
    assert.equal((await refusal(scene, limits)).code, 'budget_exceeded');
    scene.clock.now -= 365 * 24 * HOUR;
    await use(scene, limits, 1);
    assert.ok((await enter(await scene.restart(), limits)).ok, 'and a restart reads nothing of that day');
  });
});

test('a clock put back to a day that was used up begins that day anew', async () => {
  await inScene(async (scene) => {
    const limits = { dailyTokens: 100 };
    await use(scene, limits, 100);
    assert.equal((await refusal(scene, limits)).code, 'budget_exceeded');
    scene.pass(14 * HOUR);
    await use(scene, limits, 1);
    scene.clock.now -= 4 * HOUR;
    await use(scene, limits, 1);
  });
});
