// What was used, on a real store: sums by every view, exact and estimated apart, in few writes, and nothing lost in a restart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAccounts } from '../../../src/accounts/keys.ts';
import { createUsageLog, type UsageLog, type Used } from '../../../src/accounts/usage.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { CaissonError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { UsageLine, UsageView } from '../../../src/contracts/accounts.ts';
import { openReader } from '../../../src/store/connection.ts';
import type { Store } from '../../../src/store/open.ts';
import { inStore } from '../store/scene.ts';

const NOON = Date.UTC(2026, 0, 31, 12, 0, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const NOTHING = { requests: 0, promptTokens: 0, completionTokens: 0, cachedTokens: 0, gpuSeconds: 0 };

const USED: Used = {
  account: 'key_a',
  team: 'red',
  model: 'qwen',
  run: '',
  exact: true,
  promptTokens: 100,
  completionTokens: 10,
  cachedTokens: 40,
  gpuSeconds: 0.5,
};

interface Scene {
  readonly store: Store;
  readonly usage: UsageLog;
  readonly clock: { now: number };
  readonly writes: string[];
}

function open(store: Store, clock: { now: number }): Scene {
  const writes: string[] = [];
  const watched: Store = { ...store, write: (name, args, side) => (writes.push(name), store.write(name, args, side)) };
  const sense: Clock = { now: () => clock.now, monotonic: () => clock.now };
  return { store, clock, writes, usage: createUsageLog({ store: watched, clock: sense, logger: silentLogger }) };
}

const inScene = (test: (scene: Scene) => Promise<void>) => inStore((store) => test(open(store, { now: NOON })));

function report({ usage, clock }: Scene, by: UsageView, account?: string): Promise<readonly UsageLine[]> {
  const filter = account === undefined ? {} : { account };
  return usage.report({ by, from: clock.now - 30 * DAY, to: clock.now + MINUTE, ...filter });
}

const line = (of: string, requests: number, more: Partial<UsageLine> = {}): UsageLine => ({
  of,
  requests,
  promptTokens: 100 * requests,
  completionTokens: 10 * requests,
  cachedTokens: 40 * requests,
  gpuSeconds: 0.5 * requests,
  estimated: NOTHING,
  ...more,
});

test('the same use is summed up by key, team, model, run and day', async () => {
  await inScene(async (scene) => {
    const { usage, clock } = scene;
    usage.add(USED);
    usage.add({ ...USED, account: 'key_b', model: 'llama' });
    usage.add({ ...USED, account: 'key_c', team: 'blue', run: 'run_x' });
    clock.now += DAY;
    usage.add(USED);
    assert.deepEqual(await report(scene, 'key'), [line('key_a', 2), line('key_b', 1), line('key_c', 1)]);
    assert.deepEqual(await report(scene, 'team'), [line('blue', 1), line('red', 3)]);
    assert.deepEqual(await report(scene, 'model'), [line('llama', 1), line('qwen', 3)]);
    assert.deepEqual(await report(scene, 'run'), [line('run_x', 1)]);
    assert.deepEqual(await report(scene, 'day'), [line('2026-01-31', 3), line('2026-02-01', 1)]);
    assert.deepEqual(await report(scene, 'day', 'key_c'), [line('2026-01-31', 1)]);
    assert.deepEqual(await report(scene, 'key', 'key_none'), []);
  });
});

test('a key is shown with its name, and keys of one line of rotations are one', async () => {
  await inScene(async (scene) => {
    const { store, usage, clock } = scene;
    const accounts = createAccounts({ store, clock: { now: () => clock.now, monotonic: () => clock.now } });
    const { record } = await accounts.create({ name: 'laptop', team: 'red', roles: ['client'] });
    const rotated = (await accounts.rotate(record.id, { overlapMs: 1000 })) ?? assert.fail();
    usage.add({ ...USED, account: record.id });
    usage.add({ ...USED, account: (await accounts.authenticate(rotated.key))?.id ?? '' });
    assert.deepEqual(await report(scene, 'key'), [line(record.id, 2, { name: 'laptop' })]);
  });
});

test('estimates stand apart from what is exact', async () => {
  await inScene(async (scene) => {
    const { usage } = scene;
    usage.add(USED);
    usage.add({ ...USED, exact: false, promptTokens: 7, completionTokens: 3, cachedTokens: 0, gpuSeconds: 0.25 });
    usage.add({ ...USED, exact: false, account: 'key_b' });
    const { of: _, estimated: __, ...sums } = line('', 1);
    assert.deepEqual(await report(scene, 'key'), [
      line('key_a', 1, {
        estimated: { requests: 1, promptTokens: 7, completionTokens: 3, cachedTokens: 0, gpuSeconds: 0.25 },
      }),
      { of: 'key_b', ...NOTHING, estimated: sums },
    ]);
  });
});

test('a time is taken by whole minutes: the one of its start is in, the one of its end is not', async () => {
  await inScene(async ({ usage, clock }) => {
    for (let minute = 0; minute < 5; minute += 1) {
      usage.add(USED);
      clock.now += MINUTE;
    }
    const start = NOON - 30_000;
    const count = async (from: number, to: number) => (await usage.report({ by: 'team', from, to }))[0]?.requests;
    assert.equal(await count(start, start + 5 * MINUTE), 5);
    assert.equal(await count(start + MINUTE, start + 3 * MINUTE), 2);
    assert.equal(await count(start + MINUTE + 59_999, start + 2 * MINUTE + 1), 2);
    assert.equal(await count(start + 5 * MINUTE, start + 9 * MINUTE), undefined);
  });
});

test('a thousand requests are few writes, and all of them are counted', async () => {
  await inScene(async (scene) => {
    for (let count = 0; count < 1000; count += 1) scene.usage.add(USED);
    assert.deepEqual(scene.writes, []);
    assert.deepEqual(await report(scene, 'key'), [line('key_a', 1000)]);
    assert.deepEqual(scene.writes, ['addUsage']);
    scene.clock.now += HOUR;
    scene.usage.add(USED);
    await scene.usage.flush();
    assert.deepEqual(scene.writes, ['addUsage', 'addUsage', 'joinUsage']);
  });
});

test('without anybody who asks it is written by itself, and the next process has it', async () => {
  await inScene(async (scene) => {
    scene.usage.add(USED);
    // The timer keeps no process alive: something else must.
    const busy = setInterval(() => {}, 10);
    while (scene.writes.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    clearInterval(busy);
    scene.usage.add(USED);
    await scene.usage.close();
    assert.deepEqual(await report(open(scene.store, scene.clock), 'key'), [line('key_a', 2)]);
  });
});

test('what could not be written is tried again and counted once', async () => {
  await inStore(async (store) => {
    const full = { is: true };
    const failing: Store = {
      ...store,
      write: (name, args, side) =>
        full.is ? Promise.reject(new CaissonError('disk_full', 'no space')) : store.write(name, args, side),
    };
    const scene = open(failing, { now: NOON });
    scene.usage.add(USED);
    await scene.usage.flush();
    scene.usage.add(USED);
    await scene.usage.flush();
    full.is = false;
    assert.deepEqual(await report(scene, 'key'), [line('key_a', 2)]);
  });
});

test('minutes of earlier days are joined into hours, which changes no sum of an hour or longer', async () => {
  await inScene(async (scene) => {
    const { store, usage, clock } = scene;
    for (let count = 0; count < 100; count += 1) {
      usage.add({ ...USED, exact: count % 4 !== 0 });
      clock.now += 7 * MINUTE;
    }
    const before = [await report(scene, 'key'), await report(scene, 'day')];
    const rows = () => {
      const reader = openReader(store.file);
      const found = reader.prepare<{ count: number }>('SELECT count(*) AS count FROM usage').get();
      reader.close();
      return found?.count ?? 0;
    };
    const many = rows();
    await store.write('joinUsage', { before: Math.floor(clock.now / MINUTE) });
    assert.ok(rows() < many / 3, `${many} rows became ${rows()}`);
    assert.deepEqual([await report(scene, 'key'), await report(scene, 'day')], before);
    const again = rows();
    await store.write('joinUsage', { before: Math.floor(clock.now / MINUTE) });
    assert.equal(rows(), again);
  });
});
