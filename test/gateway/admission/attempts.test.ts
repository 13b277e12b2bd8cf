// Shows what a request is charged for that went from one backend to another: the time of each on its own GPUs, for the model that answered.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { createEngines } from '../../../src/gateway/admission/engines.ts';
import { createPass, type PassOrder } from '../../../src/gateway/admission/pass.ts';
import { failed, finish, HELLO, patient, say, used } from '../../unit/backends/events.ts';

type Step = ModelEvent | { readonly waitMs: number };

/** One request whose engine does these steps, and what it is charged for. */
async function charged(steps: readonly Step[]) {
  const clock = { now: 0 };
  const heard: string[] = [];
  const ends: Parameters<PassOrder['end']>[0][] = [];
  const engines = createEngines({
    engines: [
      { name: 'a', models: ['m'], gpus: 1 },
      { name: 'b', models: ['m'], gpus: 2 },
      { name: 'c', models: ['small'], gpus: 4 },
    ],
    backendsOf: async () => [],
    queue: { most: 10, waitMs: 1000 },
    clock: { monotonic: () => clock.now },
  });
  const order = { key: 'k', model: 'm', promptTokens: 3, class: 'interactive', patient: false } as const;
  const pass = createPass(
    { ...order, end: (amount) => ends.push(amount), heard: (model) => void heard.push(model) },
    engines,
  );
  const stream = async function* run(): AsyncGenerator<ModelEvent> {
    for (const step of steps) {
      if ('waitMs' in step) clock.now += step.waitMs;
      else yield step;
    }
  };
  const told = await Array.fromAsync(pass.stream(stream, HELLO, patient()));
  const idle = engines.workAt('a');
  clock.now += 1000;
  return { told: told.length, heard, ends, idle: idle() };
}

const passedOn = (backend: string, model: string): ModelEvent => ({ type: 'passed_on', backend, model });
const USED = { exact: true, promptTokens: 5, completionTokens: 2, cachedTokens: 0 };

test('each attempt counts once, on the GPUs of its own backend', async () => {
  const steps = [{ waitMs: 2000 }, passedOn('b', 'm'), { waitMs: 3000 }, say('y'), used(5, 2), finish('stop')];
  const { ends, heard, idle } = await charged(steps);
  assert.deepEqual([ends, heard], [[{ ...USED, gpuSeconds: 2 * 1 + 3 * 2, model: 'm' }], ['m']]);
  // Nobody is at work there any more: a second of it is that of one request.
  assert.equal(idle, 1);
});

test('an answer of another model is one of that model', async () => {
  const steps = [
    { waitMs: 1000 },
    passedOn('b', 'm'),
    passedOn('c', 'small'),
    { waitMs: 1000 },
    say('y'),
    used(5, 2),
    finish('stop'),
  ];
  const { ends, heard } = await charged(steps);
  assert.deepEqual([ends, heard], [[{ ...USED, gpuSeconds: 1 + 4, model: 'small' }], ['small']]);
});

test('a request that nobody could answer is charged for nothing, and its model is not known to be served', async () => {
  const { ends, heard } = await charged([passedOn('b', 'm'), failed('it broke')]);
  assert.deepEqual([ends, heard], [[undefined], []]);
});
