// Which engine a model waits for, and how the time of its GPUs is shared by those that run at once.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngines, type EngineSettings } from '../../../src/gateway/admission/engines.ts';
import { seeded, upTo } from '../../unit/tools/seeded.ts';

const NEVER = new AbortController().signal;

function makeEngines(
  settings: readonly EngineSettings[],
  backendOf: (model: string) => string | undefined = () => undefined,
) {
  const clock = { now: 0 };
  const asked: string[] = [];
  const away = new Set<string>();
  const engines = createEngines({
    engines: settings,
    backendsOf: async (model) => {
      asked.push(model);
      const name = backendOf(model);
      return name === undefined ? [] : [name];
    },
    accepts: (name) => !away.has(name),
    queue: { most: 10, waitMs: 1000 },
    clock: { monotonic: () => clock.now },
  });
  const nameOf = async (model: string) => (await engines.engineOf(model, NEVER))?.name;
  /** A request that has its place at once; the function ends it and gives its GPU seconds. */
  const begin = async () => {
    const engine = (await engines.engineOf('m', NEVER)) ?? assert.fail();
    const entered = await engine.queue.enter({ key: 'k', class: 'interactive', model: 'm' }, NEVER);
    if (!entered.ok) return assert.fail(entered.why);
    const end = entered.work();
    return () => {
      entered.leave();
      return end();
    };
  };
  return { engines, clock, asked, away, nameOf, begin };
}

test('a declared model and a single engine are known without asking; otherwise the router is asked', async () => {
  const single = makeEngines([{ name: 'only', models: [] }]);
  assert.deepEqual([await single.nameOf('x'), single.asked], ['only', []]);
  const closed = makeEngines([{ name: 'only', models: ['a'] }]);
  assert.deepEqual([await closed.nameOf('a'), await closed.nameOf('x'), closed.asked], ['only', undefined, ['x']]);
  const several = makeEngines(
    [
      { name: 'one', models: ['a'] },
      { name: 'two', models: [] },
    ],
    (model) => (model === 'b' ? 'two' : undefined),
  );
  const names = [await several.nameOf('a'), await several.nameOf('b'), await several.nameOf('c')];
  assert.deepEqual(
    [names, several.asked],
    [
      ['one', 'two', undefined],
      ['b', 'c'],
    ],
  );
  assert.deepEqual(
    several.engines.all().map(({ name }) => name),
    ['one', 'two'],
  );
});

test('two models of one engine share its places; each engine has its own', async () => {
  const { engines } = makeEngines([
    { name: 'one', models: ['a', 'b'], maxConcurrent: 1 },
    { name: 'two', models: ['c'], maxConcurrent: 1 },
  ]);
  const enter = async (model: string) => {
    const engine = await engines.engineOf(model, NEVER);
    const line = engine?.queue.enter({ key: 'k', class: 'interactive', model }, NEVER);
    return Promise.race([line, new Promise<'waits'>((resolve) => setImmediate(() => resolve('waits')))]);
  };
  const ran = (entered: Awaited<ReturnType<typeof enter>>) => typeof entered === 'object' && entered.ok;
  assert.deepEqual([await enter('a'), await enter('b'), await enter('c')].map(ran), [true, false, true]);
});

test('a request alone has all GPUs for itself; two at once have half each while both run', async () => {
  const { clock, begin } = makeEngines([{ name: 'only', models: [], gpus: 4 }]);
  const first = await begin();
  clock.now = 1000;
  const second = await begin();
  clock.now = 3000;
  assert.equal(first(), 4 + 4);
  clock.now = 4000;
  assert.equal(second(), 4 + 4);
  clock.now = 9000;
  assert.deepEqual([first(), second()], [8, 8]);
  assert.equal((await begin())(), 0);
});

test('all shares together are the busy time of the GPUs, whoever comes and goes when', async () => {
  const { clock, begin } = makeEngines([{ name: 'only', models: [], gpus: 2, maxConcurrent: 1000 }]);
  const random = seeded(3);
  const running: (() => number)[] = [];
  let busyMs = 0;
  let sum = 0;
  for (let step = 0; step < 1000; step += 1) {
    if (random() < 0.5) running.push(await begin());
    else sum += running.splice(upTo(random, running.length - 1), 1)[0]?.() ?? 0;
    const passed = upTo(random, 100);
    if (running.length > 0) busyMs += passed;
    clock.now += passed;
  }
  for (const end of running) sum += end();
  assert.ok(busyMs > 10_000);
  assert.ok(Math.abs(sum - (busyMs / 1000) * 2) < 1e-6, `${sum} GPU seconds in ${busyMs} ms`);
});

describe('replicas of one model', () => {
  const guest = (model: string) => ({ key: 'k', class: 'interactive', model }) as const;
  const TWO = ['one', 'two'].map((name) => ({ name, models: ['m'], maxConcurrent: 1 }));

  test('have one line: a request waits for the first free place in any of them', async () => {
    const { engines } = makeEngines(TWO);
    const engine = (await engines.engineOf('m', NEVER)) ?? assert.fail();
    assert.equal(engine.name, 'one, two');
    const order: string[] = [];
    const enter = async (name: string) => {
      const entered = await engine.queue.enter(guest('m'), NEVER);
      order.push(name);
      return entered.ok ? entered.leave : assert.fail();
    };
    const [, second] = await Promise.all([enter('a'), enter('b')]);
    const third = enter('c');
    await new Promise(setImmediate);
    assert.deepEqual([order, engine.queue.view().waiting.length], [['a', 'b'], 1]);
    second();
    await third;
    assert.deepEqual(order, ['a', 'b', 'c']);
  });

  test('have no place where one is away, and have it again when it is back', async () => {
    const { engines, away } = makeEngines(TWO);
    const engine = (await engines.engineOf('m', NEVER)) ?? assert.fail();
    away.add('two');
    await engine.queue.enter(guest('m'), NEVER);
    const second = engine.queue.enter(guest('m'), NEVER);
    await new Promise(setImmediate);
    assert.deepEqual([engine.queue.view().running.length, engine.queue.view().waiting.length], [1, 1]);
    away.clear();
    engines.changed();
    assert.equal((await second).ok, true);
  });

  test('that are all away are not waited for: who asks is told so', async () => {
    const { engines, away } = makeEngines(TWO);
    const engine = (await engines.engineOf('m', NEVER)) ?? assert.fail();
    for (let count = 0; count < 2; count += 1) await engine.queue.enter(guest('m'), NEVER);
    const third = engine.queue.enter(guest('m'), NEVER);
    for (const { name } of TWO) away.add(name);
    engines.changed();
    assert.equal((await third).ok, true);
  });

  test('share their places with other models, and none of those is left out', async () => {
    const { engines } = makeEngines([
      { name: 'one', models: ['x', 'y'], maxConcurrent: 1 },
      { name: 'two', models: ['y'], maxConcurrent: 1 },
    ]);
    const [x, y] = await Promise.all(['x', 'y'].map((model) => engines.engineOf(model, NEVER)));
    const ran: string[] = [];
    const go = async (engine: typeof x, model: string) => {
      const entered = await (engine ?? assert.fail()).queue.enter(guest(model), NEVER);
      ran.push(model);
      await new Promise(setImmediate);
      if (entered.ok) entered.leave();
    };
    await Promise.all(Array.from({ length: 20 }, (_, count) => (count % 2 === 0 ? go(x, 'x') : go(y, 'y'))));
    assert.deepEqual([ran.length, ran.filter((model) => model === 'x').length], [20, 10]);
    assert.deepEqual(
      engines.all().map(({ queue }) => queue.view()),
      [
        { running: [], waiting: [] },
        { running: [], waiting: [] },
      ],
    );
  });
});
