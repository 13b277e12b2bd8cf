// The line before an engine: fair between keys and classes, bounded, with a deadline, and no place is ever lost.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestClass } from '../../../src/contracts/accounts.ts';
import { createFairQueue, type Place, type QueueLimits } from '../../../src/gateway/admission/queue.ts';
import { pick, seeded, upTo } from '../../unit/tools/seeded.ts';

interface Request {
  readonly name: string;
  readonly key: string;
  readonly class: RequestClass;
  state: 'waiting' | 'running' | 'left' | 'full' | 'late' | 'gone';
  leave(): void;
  abort(): void;
}

/** A queue, and clients that remember in which order they got their places. */
function makeScene({ atOnce = 1, ...limits }: Partial<QueueLimits> & { readonly atOnce?: number } = {}) {
  const clock = { now: 0 };
  let taken = 0;
  const take = (): Place | undefined => {
    if (taken >= atOnce) return undefined;
    taken += 1;
    return { free: () => (taken -= 1), work: () => () => 0 };
  };
  const queue = createFairQueue({ most: 1000, waitMs: 60_000, ...limits }, { monotonic: () => clock.now }, take);
  const requests: Request[] = [];
  const order: string[] = [];
  const come = (name: string, key: string, of: RequestClass = 'interactive', patient = false): Request => {
    const gone = new AbortController();
    let leave: () => void = () => assert.fail(`${name} has no place`);
    const request: Request = {
      name,
      key,
      class: of,
      state: 'waiting',
      leave: () => {
        leave();
        request.state = 'left';
      },
      abort: () => gone.abort(),
    };
    requests.push(request);
    void queue.enter({ key, class: of, model: name, patient }, gone.signal).then((entered) => {
      request.state = entered.ok ? 'running' : entered.why;
      if (!entered.ok) return;
      order.push(name);
      leave = entered.leave;
    });
    return request;
  };
  const running = () => requests.filter(({ state }) => state === 'running');
  /** Gives the places on until nobody waits. */
  const drain = async () => {
    for (await settled(); running().length > 0; await settled()) running()[0]?.leave();
  };
  return { queue, clock, requests, order, come, running, drain };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('as many as the engine takes run at once; the next one runs when one has left', async () => {
  const { come, running } = makeScene({ atOnce: 2 });
  const [a, b, c] = [come('a', 'x'), come('b', 'x'), come('c', 'x')];
  await settled();
  assert.deepEqual([a.state, b.state, c.state], ['running', 'running', 'waiting']);
  a.leave();
  a.leave();
  await settled();
  assert.deepEqual(
    running().map(({ name }) => name),
    ['b', 'c'],
  );
});

test('a key with one request does not wait behind a key with many', async () => {
  const { come, order, drain } = makeScene();
  come('first', 'many');
  for (let count = 1; count <= 5; count += 1) come(`many${count}`, 'many');
  come('one', 'one');
  come('two1', 'two');
  come('two2', 'two');
  await drain();
  assert.deepEqual(order, ['first', 'many1', 'one', 'two1', 'many2', 'two2', 'many3', 'many4', 'many5']);
});

test('interactive goes before batch, and one in eight places goes to batch nevertheless', async () => {
  const { come, order, drain } = makeScene();
  come('first', 'x');
  for (let count = 1; count <= 3; count += 1) come(`b${count}`, 'x', 'batch');
  for (let count = 1; count <= 16; count += 1) come('i', 'y');
  await drain();
  const i = (count: number) => Array.from({ length: count }, () => 'i');
  assert.deepEqual(order, ['first', ...i(7), 'b1', ...i(7), 'b2', ...i(2), 'b3']);
});

test('who waits too long is told so, and takes no place afterwards', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { come, order } = makeScene({ waitMs: 1000 });
  const first = come('first', 'x');
  const second = come('second', 'x');
  context.mock.timers.tick(999);
  const third = come('third', 'x');
  await settled();
  assert.equal(second.state, 'waiting');
  context.mock.timers.tick(1);
  await settled();
  assert.equal(second.state, 'late');
  first.leave();
  await settled();
  assert.deepEqual([order, third.state], [['first', 'third'], 'running']);
});

test('who leaves while waiting frees the place in the line; who has left before it comes gets none', async () => {
  const { come, order, drain, queue } = makeScene({ most: 2 });
  come('first', 'x');
  const second = come('second', 'x');
  come('third', 'x');
  await settled();
  second.abort();
  await settled();
  assert.equal(second.state, 'gone');
  const fourth = come('fourth', 'x');
  await settled();
  assert.equal(fourth.state, 'waiting');
  const late = await queue.enter({ key: 'x', class: 'batch', model: 'm' }, AbortSignal.abort());
  assert.deepEqual(late, { ok: false, why: 'gone' });
  await drain();
  assert.deepEqual(order, ['first', 'third', 'fourth']);
});

describe('a line that is full', () => {
  test('turns away who comes, but not a key with fewer there than the one that fills it', async () => {
    const { come, requests, order, drain } = makeScene({ most: 3 });
    come('first', 'flood');
    for (let count = 1; count <= 5; count += 1) come(`f${count}`, 'flood');
    await settled();
    come('a1', 'a');
    come('a2', 'a');
    await settled();
    const states = Object.fromEntries(requests.map(({ name, state }) => [name, state]));
    assert.deepEqual(states, {
      first: 'running',
      f1: 'waiting',
      f2: 'waiting',
      f3: 'full',
      f4: 'full',
      f5: 'full',
      a1: 'waiting',
      a2: 'full',
    });
    await drain();
    assert.deepEqual(order, ['first', 'f1', 'a1', 'f2']);
  });

  test('of none at all turns everyone away who cannot run at once', async () => {
    const { come } = makeScene({ most: 0 });
    const [first, second] = [come('first', 'x'), come('second', 'y')];
    await settled();
    assert.deepEqual([first.state, second.state], ['running', 'full']);
  });

  test('has room for a run, which waits without end and takes nobody’s place', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { come, running } = makeScene({ most: 1, waitMs: 1000 });
    const first = come('first', 'x');
    const patient = [1, 2, 3].map((count) => come(`run${count}`, 'r', 'interactive', true));
    const client = come('client', 'x');
    await settled();
    assert.deepEqual(
      [...patient, client].map(({ state }) => state),
      ['waiting', 'waiting', 'waiting', 'waiting'],
    );
    const other = come('other', 'y');
    context.mock.timers.tick(100_000);
    await settled();
    assert.deepEqual([client.state, other.state, patient[0]?.state], ['late', 'full', 'waiting']);
    first.leave();
    await settled();
    assert.deepEqual(
      running().map(({ name }) => name),
      ['run1'],
    );
  });
});

test('the view shows who runs and who waits, in the order in which they are next', async () => {
  const { come, queue, clock, order, drain } = makeScene();
  come('first', 'x');
  clock.now = 1000;
  come('b', 'z', 'batch');
  come('i1', 'x');
  come('i2', 'x');
  clock.now = 3000;
  come('i3', 'y');
  await settled();
  clock.now = 4000;
  const guest = (model: string, key: string, of: RequestClass = 'interactive') => ({
    key,
    class: of,
    model,
    patient: false,
  });
  const view = queue.view();
  assert.deepEqual(view, {
    running: [guest('first', 'x')],
    waiting: [
      { ...guest('i1', 'x'), waitedMs: 3000 },
      { ...guest('i3', 'y'), waitedMs: 1000 },
      { ...guest('i2', 'x'), waitedMs: 3000 },
      { ...guest('b', 'z', 'batch'), waitedMs: 3000 },
    ],
  });
  await drain();
  assert.deepEqual(order, ['first', ...view.waiting.map(({ model }) => model)]);
  assert.deepEqual(queue.view(), { running: [], waiting: [] });
});

test('whatever comes, goes and gives up: the engine is never over its limit, idle while one waits, or unfair', async () => {
  for (let seed = 1; seed <= 60; seed += 1) await playRandomly(seed);
});

const KEYS = ['a', 'b', 'c', 'd'] as const;

/** Keys and classes come, leave and give up at random; after each step all that must hold is looked at. */
async function playRandomly(seed: number): Promise<void> {
  const random = seeded(seed);
  const limits = { atOnce: 1 + upTo(random, 3), most: 1 + upTo(random, 20) };
  const scene = makeScene(limits);
  const { come, requests, running, queue } = scene;
  const waiting = () => requests.filter(({ state }) => state === 'waiting');
  const watch = watchTurns();
  for (let step = 0; step < 150; step += 1) {
    const before = waiting();
    const dice = random();
    const [one] = dice < 0.5 ? [] : dice < 0.85 ? running() : before;
    if (one === undefined) come(`s${step}`, pick(random, KEYS), random() < 0.3 ? 'batch' : 'interactive');
    else if (one.state === 'running') one.leave();
    else one.abort();
    await settled();
    const words = `seed ${seed}, step ${step}`;
    const { running: seenRunning, waiting: seenWaiting } = queue.view();
    assert.deepEqual([seenRunning.length, seenWaiting.length], [running().length, waiting().length], words);
    assert.ok(running().length <= limits.atOnce && waiting().length <= limits.most, words);
    assert.ok(running().length === limits.atOnce || waiting().length === 0, `${words}: a place is empty`);
    watch(before, waiting(), words);
  }
  await scene.drain();
  assert.deepEqual([running(), waiting()], [[], []]);
}

/** A key that waits is not passed over by its class more often than there are keys, and batch gets its share. */
function watchTurns() {
  const passedOver = new Map<string, number>();
  let interactiveInRow = 0;
  const placeOf = (request: Request) => `${request.class} ${request.key}`;
  const isBatch = (request: Request) => request.class === 'batch';
  return (before: readonly Request[], now: readonly Request[], words: string): void => {
    // What does not wait any more has no turn to lose.
    for (const place of passedOver.keys())
      if (!now.some((request) => placeOf(request) === place)) passedOver.delete(place);
    if (!now.some(isBatch)) interactiveInRow = 0;
    const taken = before.find(({ state }) => state === 'running');
    if (taken === undefined) return;
    const line = before.filter((request) => request.class === taken.class);
    const first = line.find(({ key }) => key === taken.key);
    assert.equal(first?.name, taken.name, `${words}: of one key the first goes first`);
    passedOver.delete(placeOf(taken));
    for (const place of new Set(line.filter(({ key }) => key !== taken.key).map(placeOf))) {
      const times = (passedOver.get(place) ?? 0) + 1;
      passedOver.set(place, times);
      assert.ok(times < KEYS.length, `${words}: ${place} is passed over`);
    }
    interactiveInRow = !isBatch(taken) && before.some(isBatch) ? interactiveInRow + 1 : 0;
    assert.ok(interactiveInRow < 8, `${words}: batch starves`);
  };
}
