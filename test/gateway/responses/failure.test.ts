// Shows that an answer that was cut or never began is told as such: an error, a failed response, or a broken connection.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ModelErrorEvent, ModelEvent } from '../../../src/contracts/model-events.ts';
import { callJson, open } from '../http.ts';
import type { Wishes } from '../service.ts';
import { checkStream, type Fields } from './checker.ts';
import { ASK, broken, eventsOf, finalOf, PATH, start, startWith, stream } from './streams.ts';

const IMPATIENT = { limits: { ...LIMITS, sseKeepAliveMs: 20 } };
const TOO_LONG = "http://10.1.2.3:8000 said: This model's maximum context length is 10 tokens. However, you sent 12.";

type Model = NonNullable<Wishes['model']>;

async function startModel(context: TestContext, model: Model, changes: Wishes['changes'] = {}) {
  return startWith(context, { model, changes });
}

const error = (code: ModelErrorEvent['code'], retryable: boolean, message = 'no'): ModelErrorEvent => ({
  type: 'error',
  code,
  message,
  retryable,
});
const HALF_CALL: ModelEvent = { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"a', complete: false };

describe('before anything was said', () => {
  const refusals = [
    { event: error('model_not_found', false), status: 404, code: 'model_not_found', type: 'not_found_error' },
    { event: error('invalid_input', false), status: 400, code: 'invalid_input', type: 'invalid_request_error' },
    { event: error('backend_failed', true), status: 502, code: 'backend_failed', type: 'server_error' },
  ];
  for (const { event, status, code, type } of refusals)
    for (const streamed of [true, false])
      test(`${event.code} is an error of HTTP, streamed: ${streamed}`, async (context) => {
        const { service, key } = await start(context, event);
        const json = { ...ASK, stream: streamed };
        const answer = await callJson<Fields>(service, 'POST', PATH, { key, json });
        assert.equal(answer.status, status);
        assert.deepEqual(answer.body, { error: { message: 'no', type, param: null, code } });
        assert.match(String(answer.headers['x-request-id']), /^req_/);
      });

  test('a full engine is 503 with the time to come again', async (context) => {
    const { service, key } = await start(context, { ...error('overloaded', true), retryAfter: 7 });
    const answer = await callJson<Fields>(service, 'POST', PATH, { key, json: { ...ASK, stream: true } });
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '7']);
  });

  test('a conversation that is too long is a failed response in a stream, and 400 elsewhere', async (context) => {
    const { service, key } = await start(context, error('context_exceeded', false, TOO_LONG));
    const events = await stream(service, key, ASK);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['response.created', 'response.in_progress', 'response.failed'],
    );
    const { status, error: told, output } = finalOf(events);
    assert.deepEqual(
      { status, told, output },
      {
        status: 'failed',
        told: {
          code: 'context_length_exceeded',
          message:
            "The conversation is longer than the model takes. This model's maximum context length is 10 tokens. Send a shorter one.",
        },
        output: [],
      },
    );
    const answer = await callJson<{ error: Fields }>(service, 'POST', PATH, { key, json: ASK });
    assert.deepEqual([answer.status, answer.body.error['code']], [400, 'context_length_exceeded']);
  });
});

describe('in silence', () => {
  test('the response begins at once and says that it goes on, with numbers that have no gaps', async (context) => {
    const { service, key } = await startModel(
      context,
      async function* model() {
        await wait(150);
        yield { type: 'text', text: 'at ' };
        await wait(150);
        yield { type: 'text', text: 'last' };
        yield { type: 'finish', reason: 'stop' };
      },
      IMPATIENT,
    );
    const events = await stream(service, key, ASK);
    const alive = events.filter(({ type }) => type === 'response.in_progress').length;
    assert.ok(alive > 3, `${alive}`);
    assert.notEqual(events[2]?.['type'], 'response.output_item.added');
  });

  test('an error that no repetition mends is a failed response, any other one breaks the connection', async (context) => {
    for (const [event, code] of [
      [error('context_exceeded', false, TOO_LONG), 'context_length_exceeded'],
      [error('invalid_input', false, 'bad at http://10.1.2.3/'), 'invalid_prompt'],
      [error('backend_garbage', false, '<html> of 10.1.2.3'), 'server_error'],
    ] as const) {
      const { service, key } = await startModel(
        context,
        async function* model() {
          await wait(100);
          yield event;
        },
        IMPATIENT,
      );
      const final = finalOf(await stream(service, key, ASK));
      assert.deepEqual([final['status'], (final['error'] as Fields)['code']], ['failed', code]);
      assert.doesNotMatch(JSON.stringify(final), /10\.1\.2\.3/);
    }
    const { service, key } = await startModel(
      context,
      async function* model() {
        await wait(100);
        yield error('backend_failed', true);
      },
      IMPATIENT,
    );
    assert.deepEqual((await broken(service, key, ASK)).done, []);
  });
});

describe('an answer that was cut', () => {
  const cuts: readonly (readonly [name: string, events: readonly ModelEvent[], message: string])[] = [
    ['the engine dies', [error('backend_failed', true)], 'no'],
    ['the engine just stops', [], 'the engine stopped in the middle of the answer'],
    ['the engine gives up', [{ type: 'finish', reason: 'abort' }], 'the engine gave the answer up'],
    [
      'a call was never closed',
      [HALF_CALL, { type: 'finish', reason: 'tool_calls' }],
      'the answer ended inside the tool call "bash"',
    ],
    [
      'the limit cuts a call',
      [HALF_CALL, { type: 'finish', reason: 'length' }],
      'the limit on tokens was reached inside the tool call "bash"',
    ],
    ['an error that no repetition mends comes after content', [error('backend_garbage', false)], 'no'],
  ];
  for (const [name, events, message] of cuts)
    test(`is a broken connection when it was streamed, and 502 when it was not: ${name}`, async (context) => {
      const seen = Promise.withResolvers<void>();
      const { service, key } = await startModel(context, async function* model() {
        yield { type: 'text', text: 'ls -a &&' };
        await seen.promise;
        yield* events;
      });
      const { events: heard, done } = await broken(service, key, ASK, () => seen.resolve());
      assert.ok(heard.some(({ delta }) => delta === 'ls -a &&'));
      assert.deepEqual(
        done.filter(({ type }) => type !== 'message'),
        [],
      );
      const whole = await callJson<{ error: Fields }>(service, 'POST', PATH, { key, json: ASK });
      assert.deepEqual([whole.status, whole.body.error['message']], [502, message]);
    });

  test('never has a call that is done and was not closed', async (context) => {
    const seen = Promise.withResolvers<void>();
    const { service, key } = await startModel(context, async function* model() {
      yield { ...HALF_CALL, arguments: '{"a":1}' };
      await seen.promise;
      yield error('backend_failed', true);
    });
    const { events, done } = await broken(service, key, ASK, () => seen.resolve());
    assert.ok(events.some(({ type }) => type === 'response.function_call_arguments.delta'));
    assert.deepEqual(done, []);
  });
});

describe('a client that leaves', () => {
  for (const streamed of [true, false])
    test(`ends the generation before its first event, streamed: ${streamed}`, async (context) => {
      const begun = Promise.withResolvers<AbortSignal>();
      const { service, key } = await startModel(
        context,
        async function* model(_request, signal): AsyncGenerator<ModelEvent> {
          begun.resolve(signal);
          if (!signal.aborted) await once(signal, 'abort');
          yield error('aborted', false);
        },
      );
      const json = JSON.stringify({ ...ASK, stream: streamed });
      const socket = connect(service.port, '127.0.0.1');
      socket.write(
        `POST ${PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
          `content-type: application/json\r\ncontent-length: ${json.length}\r\n\r\n${json}`,
      );
      const signal = await begun.promise;
      assert.equal(signal.aborted, false);
      socket.destroy();
      if (!signal.aborted) await once(signal, 'abort');
    });
});

test('a client that takes nothing for a while misses no number', async (context) => {
  const piece = 'x'.repeat(64 * 1024);
  const { service, key } = await startModel(
    context,
    async function* model() {
      for (let count = 0; count < 200; count += 1) yield { type: 'text', text: piece };
      yield { type: 'finish', reason: 'stop' };
    },
    IMPATIENT,
  );
  const answer = await open(service, 'POST', PATH, { key, json: { ...ASK, stream: true } });
  await wait(400);
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const events = eventsOf(Buffer.concat(chunks).toString());
  const [item] = checkStream(events, 'whole');
  assert.equal(JSON.stringify(item).includes(piece), true);
});
