// Shows on a real Triton that each dialect gives the same answers to the same orders: text, ends, errors, cancellation, many at once.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelErrorEvent } from '../../../src/contracts/model-events.ts';
import { finish, gather, used } from '../../unit/backends/events.ts';
import { asked, backendAt, completed, joined, orderText, patience, seen } from './scenes.ts';
import { MODELS, startTriton, type Triton, tritonOrWhy } from './server.ts';

const found = await tritonOrWhy();
const skip = typeof found === 'string' ? found : false;

describe('a real Triton', { skip }, () => {
  let triton: Triton;
  before(async () => {
    if (typeof found !== 'string') triton = await startTriton(found);
  });
  after(() => triton.stop());

  const failed = (model: string): ModelErrorEvent => ({
    type: 'error',
    code: 'backend_failed',
    message: `the model "${model}" at ${triton.address} failed; the log of Caisson has its words`,
    retryable: true,
  });
  const counts = (model: string, order: object, given: number) => {
    const prompt = `Go on. ${orderText(order)}`;
    return model === 'llmapi' ? [] : [used(Math.floor(prompt.length / 4), given)];
  };

  test('it says which of its models take text', async () => {
    const models = await backendAt(triton.address).models(patience());
    assert.deepEqual(
      models,
      MODELS.map((id) => ({ id, backend: 'triton' })).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    );
  });

  for (const model of MODELS) {
    test(`${model}: a text comes whole and in pieces, with its end and its counts`, async () => {
      const order = { pieces: ['Hel', 'lo ', 'Zür', 'ich 🏔'], pause_ms: 30 };
      const events = await gather(
        backendAt(triton.address).complete?.(asked(model, order), patience()) ?? assert.fail(),
      );
      assert.ok(events.filter(({ type }) => type === 'text').length > 1, JSON.stringify(events));
      assert.deepEqual(joined(events), { text: 'Hello Zürich 🏔', rest: [...counts(model, order, 4), finish('stop')] });
    });

    test(`${model}: the limit on tokens ends an answer as length`, async () => {
      const order = { pieces: ['a', 'b', 'c', 'd'] };
      const answer = await completed(backendAt(triton.address), asked(model, order, { maxTokens: 2 }));
      assert.deepEqual(answer, { text: 'ab', rest: [...counts(model, order, 2), finish('length')] });
    });

    test(`${model}: a stop of the client ends the text before it, however it is cut`, async () => {
      const order = { pieces: ['one', ' ST', 'O', 'P two', ' three'] };
      const { text, rest } = await completed(backendAt(triton.address), asked(model, order, { stop: ['STOP'] }));
      assert.equal(text, 'one ');
      const last = rest.at(-1);
      assert.deepEqual([last?.type, last?.type === 'finish' && last.reason], ['finish', 'stop']);
    });

    test(`${model}: an error in the middle is an event, and its words are in the log only`, async () => {
      const backend = backendAt(triton.address);
      const answer = await completed(
        backend,
        asked(model, { pieces: ['a', 'b'], fail: 1, words: 'boom /opt/secret.py' }),
      );
      assert.deepEqual(answer, { text: 'a', rest: [failed(model)] });
      assert.deepEqual(
        backend.told.map(({ fields }) => [fields['model'], String(fields['said']).includes('boom /opt/secret.py')]),
        [[model, true]],
      );
    });

    test(`${model}: a prompt that is too long is told as such`, async () => {
      const request = { ...asked(model, {}), messages: [{ role: 'user' as const, content: 'word '.repeat(20_000) }] };
      const { rest } = await completed(backendAt(triton.address), request);
      const message = `the prompt is longer than the model "${model}" at ${triton.address} can hold`;
      assert.deepEqual(rest, [{ type: 'error', code: 'context_exceeded', message, retryable: false }]);
    });

    test(`${model}: 64 streams at once each get their own answer`, async () => {
      const backend = backendAt(triton.address);
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, index) =>
          completed(backend, asked(model, { pieces: [`${index}`, '-', `${index}`], pause_ms: 5 })),
        ),
      );
      assert.deepEqual(
        answers.map(({ text }) => text),
        answers.map((_, index) => `${index}-${index}`),
      );
    });
  }

  // The ensemble does not hand a cancellation on to its step.
  for (const model of MODELS.filter((name) => name !== 'ensemble' && name !== 'repeating')) {
    test(`${model}: an asker who goes away in the middle stops the model`, async () => {
      const stop = new AbortController();
      const order = { pieces: ['word '], times: 500, pause_ms: 20 };
      const events = [];
      for await (const event of backendAt(triton.address).complete?.(asked(model, order), stop.signal) ??
        assert.fail()) {
        events.push(event);
        if (events.length === 3) stop.abort();
      }
      assert.deepEqual(events.at(-1), {
        type: 'error',
        code: 'aborted',
        message: 'the request was aborted',
        retryable: false,
      });
      await seen(triton, model, 'cancelled');
    });

    test(`${model}: so does one who breaks off reading, and one who goes away in the moment of asking`, async () => {
      const before = triton.events().filter((one) => one.model === model && one.event === 'cancelled').length;
      const order = { pieces: ['word '], times: 500, pause_ms: 20 };
      const backend = backendAt(triton.address);
      for await (const event of backend.complete?.(asked(model, order), patience()) ?? assert.fail())
        if (event.type === 'text') break;
      await seen(triton, model, 'cancelled', before + 1);
      const stop = new AbortController();
      const gathering = gather(backend.complete?.(asked(model, order), stop.signal) ?? assert.fail());
      await delay(0);
      stop.abort();
      assert.deepEqual(
        (await gathering).map(({ type }) => type),
        ['error'],
      );
      await delay(300);
      const began = triton.events().filter((one) => one.model === model && one.event === 'began');
      const open = began.filter(({ id }) => !triton.events().some((one) => one.id === id && one.event !== 'began'));
      assert.deepEqual(open, [], 'a generation goes on that nobody reads');
    });
  }

  test('an asker who is away before the question is sent costs Triton nothing', async () => {
    const count = triton.events().length;
    const { rest } = await completed(backendAt(triton.address), asked('vllm', {}), AbortSignal.abort());
    assert.deepEqual(rest, [{ type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false }]);
    await delay(100);
    assert.equal(triton.events().length, count);
  });

  test('an asker who went away leaves no timer behind, whatever still comes', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    const order = { pieces: ['word '], times: 100, pause_ms: 1 };
    for await (const event of backendAt(triton.address).complete?.(asked('bls', order), patience()) ?? assert.fail())
      if (event.type === 'text') break;
    await delay(300);
    assert.equal(timers(), before);
  });

  test('a reader who does not read is let go, and the model stops', async () => {
    const before = triton.events().filter((one) => one.model === 'vllm' && one.event === 'cancelled').length;
    const order = { pieces: ['x'.repeat(1024)], times: 5000 };
    const events = [];
    for await (const event of backendAt(triton.address).complete?.(asked('vllm', order), patience()) ?? assert.fail()) {
      events.push(event);
      if (events.length === 1) await seen(triton, 'vllm', 'cancelled', before + 1);
      if (events.length > 60) break;
    }
    assert.deepEqual(events.at(-1), {
      type: 'error',
      code: 'backend_failed',
      message: 'the answer was not read: more than 1048576 characters of it waited',
      retryable: false,
    });
  });

  test('a model that is not there is told with those that are', async () => {
    const { rest } = await completed(backendAt(triton.address), asked('nope', {}));
    const names = MODELS.toSorted().join(', ');
    const message = `${triton.address} has no model "nope"; it has: ${names}`;
    assert.deepEqual(rest, [{ type: 'error', code: 'model_not_found', message, retryable: false }]);
  });

  test('a sampling parameter that the model refuses is a mistake of the request', async () => {
    const { rest } = await completed(backendAt(triton.address), asked('vllm', {}, { temperature: 7 }));
    assert.deepEqual(
      rest.map((event) => event.type === 'error' && event.code),
      ['invalid_input'],
    );
  });

  test('chat without the folder of the model says what is missing', async () => {
    const events = await gather(backendAt(triton.address).stream(asked('vllm', {}), patience()));
    assert.deepEqual(events, [
      {
        type: 'error',
        code: 'not_supported',
        message: 'Triton takes plain text: give the folder of the model, with its chat template, as model_folder',
        retryable: false,
      },
    ]);
  });

  test('a model that is loaded again with another rank is asked rightly after one failure', async () => {
    const backend = backendAt(triton.address);
    assert.equal((await completed(backend, asked('repeating', { pieces: ['one'] }))).text, 'one');
    await triton.unload('repeating');
    await delay(200);
    const { rest } = await completed(backend, asked('repeating', {}));
    assert.deepEqual(rest, [
      {
        type: 'error',
        code: 'backend_unreachable',
        message: `the model "repeating" at ${triton.address} is not loaded now`,
        retryable: true,
        unsent: true,
      },
    ]);
    await triton.load('repeating');
    assert.equal((await completed(backend, asked('repeating', { pieces: ['two'] }))).text, 'two');
  });

  test('a model that is unloaded in the middle finishes what it says', async () => {
    const backend = backendAt(triton.address);
    const running = completed(backend, asked('llmapi', { pieces: ['word '], times: 40, pause_ms: 20 }));
    await delay(300);
    await triton.unload('llmapi');
    assert.deepEqual(await running, { text: 'word '.repeat(40), rest: [finish('stop')] });
    await triton.load('llmapi');
  });
});
