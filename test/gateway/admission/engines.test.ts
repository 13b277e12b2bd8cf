// Which engine a model waits for, and how the time of its GPUs is shared by those that run at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEngines, type EngineSettings } from '../../../src/gateway/admission/engines.ts';
import { seeded, upTo } from '../../unit/tools/seeded.ts';

const NEVER = new AbortController().signal;

function makeEngines(
  settings: readonly EngineSettings[],
  backendOf: (model: string) => string | undefined = () => undefined,
) {
  const clock = { now: 0 };
  const asked: string[] = [];
  const engines = createEngines({
    engines: settings,
    backendOf: async (model) => {
      asked.push(model);
      return backendOf(model);
    },
    queue: { most: 10, waitMs: 1000 },
    clock: { monotonic: () => clock.now },
  });
  const nameOf = async (model: string) => (await engines.engineOf(model, NEVER))?.name;
  return { engines, clock, asked, nameOf };
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
  const { engines, clock } = makeEngines([{ name: 'only', models: [], gpus: 4 }]);
  const engine = (await engines.engineOf('m', NEVER)) ?? assert.fail();
  const first = engine.work();
  clock.now = 1000;
  const second = engine.work();
  clock.now = 3000;
  assert.equal(first(), 4 + 4);
  clock.now = 4000;
  assert.equal(second(), 4 + 4);
  clock.now = 9000;
  assert.deepEqual([first(), second()], [8, 8]);
  assert.equal(engine.work()(), 0);
});

test('all shares together are the busy time of the GPUs, whoever comes and goes when', async () => {
  const { engines, clock } = makeEngines([{ name: 'only', models: [], gpus: 2 }]);
  const engine = (await engines.engineOf('m', NEVER)) ?? assert.fail();
  const random = seeded(3);
  const running: (() => number)[] = [];
  let busyMs = 0;
  let sum = 0;
  for (let step = 0; step < 1000; step += 1) {
    if (random() < 0.5) running.push(engine.work());
    else sum += running.splice(upTo(random, running.length - 1), 1)[0]?.() ?? 0;
    const passed = upTo(random, 100);
    if (running.length > 0) busyMs += passed;
    clock.now += passed;
  }
  for (const end of running) sum += end();
  assert.ok(busyMs > 10_000);
  assert.ok(Math.abs(sum - (busyMs / 1000) * 2) < 1e-6, `${sum} GPU seconds in ${busyMs} ms`);
});
