// Shows that a Messages answer that was cut or never began is told as such: a proper error, an error event, or a broken connection.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ModelErrorEvent, ModelEvent } from '../../../src/contracts/model-events.ts';
import { callJson } from '../http.ts';
import { startService, type Wishes } from '../service.ts';
import { ASK, PATH, readBroken, readStream, start, type Started } from './stream.ts';

type Context = Parameters<typeof start>[0];
type Model = NonNullable<Wishes['model']>;

const IMPATIENT = { ...LIMITS, sseKeepAliveMs: 20 };
const TOO_LONG = "This model's maximum context length is 10 tokens.";

async function startModel(context: Context, model: Model, limits = LIMITS): Promise<Started> {
  const service = await startService(context, { model, changes: { limits } });
  return { service, key: await service.key(['client']) };
}

/** Does something once so many pings have come. */
function onPings(count: number, act: () => void) {
  return (text: string) => {
    if (text.split('event: ping\n').length > count) act();
  };
}

const DEAD: ModelErrorEvent = {
  type: 'error',
  code: 'backend_failed',
  message: 'engine http://vllm-7:8000/v1 said 500 at 10.1.2.3:8000',
  retryable: true,
};
const HALF_CALL: ModelEvent = { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"a', complete: false };

/** Answers that must not look whole. */
const CUTS: readonly { readonly name: string; readonly events: readonly ModelEvent[]; readonly message: string }[] = [
  { name: 'the engine dies', events: [DEAD], message: 'engine the engine said 500 at the engine' },
  { name: 'the engine just stops', events: [], message: 'the engine stopped in the middle of the answer' },
  {
    name: 'the engine gives up',
    events: [{ type: 'finish', reason: 'abort' }],
    message: 'the engine gave the answer up',
  },
  {
    name: 'a call was never closed',
    events: [HALF_CALL, { type: 'finish', reason: 'tool_calls' }],
    message: 'the answer ended inside the tool call "bash"',
  },
  {
    name: 'the limit cuts a call',
    events: [HALF_CALL, { type: 'finish', reason: 'length' }],
    message: 'the limit on tokens was reached inside the tool call "bash"',
  },
  {
    name: 'an error that no repetition mends comes after content',
    events: [{ ...DEAD, code: 'backend_garbage', retryable: false }],
    message: 'engine the engine said 500 at the engine',
  },
];

describe('an answer that was cut', () => {
  for (const { name, events, message } of CUTS)
    test(`is a broken connection when it was streamed, and 502 when it was not: ${name}`, async (context) => {
      const seen = Promise.withResolvers<void>();
      const started = await startModel(context, async function* model() {
        yield { type: 'text', text: 'ls -a &&' };
        await seen.promise;
        yield* events;
      });
      const { end, text } = await readBroken(started, {}, () => seen.resolve());
      assert.equal(end, 'open');
      assert.match(text, /ls -a &&/);
      assert.doesNotMatch(text, /message_delta|message_stop/);
      const { service, key } = started;
      const whole = await callJson<{ error: object }>(service, 'POST', PATH, { key, json: ASK });
      assert.equal(whole.status, 502);
      assert.deepEqual(whole.body.error, { type: 'api_error', message });
    });

  test('by arguments that are no JSON is 502 where it is not streamed', async (context) => {
    const { service, key } = await start(
      context,
      { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"a', complete: true },
      { type: 'finish', reason: 'tool_calls' },
    );
    const whole = await callJson<{ error: object }>(service, 'POST', PATH, { key, json: ASK });
    assert.deepEqual(
      [whole.status, whole.body.error],
      [502, { type: 'api_error', message: 'the arguments of the tool call "bash" are not valid JSON' }],
    );
  });
});

/** Error of the engine → status and type. */
const ENGINE_ERRORS: readonly [ModelErrorEvent['code'], number, string][] = [
  ['backend_unreachable', 503, 'overloaded_error'],
  ['backend_failed', 502, 'api_error'],
  ['backend_garbage', 502, 'api_error'],
  ['model_not_found', 404, 'not_found_error'],
  ['invalid_input', 400, 'invalid_request_error'],
  ['context_exceeded', 400, 'invalid_request_error'],
  ['overloaded', 503, 'overloaded_error'],
  ['aborted', 502, 'api_error'],
  ['rehearsal_left_script', 500, 'api_error'],
];

test('an engine that fails before its first event is a proper error, streamed or not', async (context) => {
  const { service, key } = await startModel(context, async function* model({ model: name }) {
    const [code = 'aborted'] = ENGINE_ERRORS.find(([code]) => code === name) ?? [];
    yield { type: 'error', code, message: TOO_LONG, retryable: false, retryAfter: 7 };
  });
  const words: Readonly<Record<string, string>> = {
    backend_unreachable: 'the engine of this model cannot be reached',
    context_exceeded: `prompt is too long: ${TOO_LONG}`,
  };
  for (const [code, status, type] of ENGINE_ERRORS)
    for (const stream of [false, true]) {
      const json = { ...ASK, model: code, stream };
      const answer = await callJson<object>(service, 'POST', PATH, { key, json });
      assert.deepEqual(
        [answer.status, answer.body, answer.headers['retry-after']],
        [
          status,
          {
            type: 'error',
            error: { type, message: words[code] ?? TOO_LONG },
            request_id: answer.headers['request-id'],
          },
          status === 503 ? '7' : undefined,
        ],
      );
    }
});

describe('after the headers went out for nothing but silence', () => {
  const silentThen = (context: Context, event: ModelEvent, waits: Promise<void>) =>
    startModel(
      context,
      async function* model() {
        await waits;
        yield event;
        yield { type: 'finish', reason: 'stop' };
      },
      IMPATIENT,
    );

  test('pings come until the answer does', async (context) => {
    const enough = Promise.withResolvers<void>();
    const started = await silentThen(context, { type: 'text', text: 'late' }, enough.promise);
    const { pings, message } = await readStream(started, {}, onPings(3, enough.resolve));
    assert.ok(pings >= 3, `${pings} pings`);
    assert.deepEqual(message?.content, [{ type: 'text', text: 'late' }]);
  });

  test('an error that no repetition mends is an error event, and then the stream ends', async (context) => {
    const enough = Promise.withResolvers<void>();
    const event: ModelEvent = { type: 'error', code: 'context_exceeded', message: TOO_LONG, retryable: false };
    const started = await silentThen(context, event, enough.promise);
    const { end, error } = await readStream(started, {}, onPings(1, enough.resolve));
    assert.equal(end, 'error');
    assert.deepEqual(error, { type: 'invalid_request_error', message: `prompt is too long: ${TOO_LONG}` });
  });

  test('an error that a repetition may mend is a broken connection', async (context) => {
    const enough = Promise.withResolvers<void>();
    const started = await silentThen(context, DEAD, enough.promise);
    const { end } = await readBroken(started, {}, onPings(1, enough.resolve));
    assert.equal(end, 'open');
  });

  test('thinking that is not shown is silence too: pings come meanwhile', async (context) => {
    const enough = new AbortController();
    const started = await startModel(
      context,
      async function* model() {
        while (!enough.signal.aborted) {
          yield { type: 'reasoning', text: 'x' };
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        yield { type: 'finish', reason: 'stop' };
      },
      IMPATIENT,
    );
    const hear = onPings(3, () => enough.abort());
    const { pings, message } = await readStream(started, { thinking: { type: 'adaptive', display: 'omitted' } }, hear);
    assert.ok(pings >= 3, `${pings} pings`);
    assert.equal(message?.content.length, 1);
  });
});

for (const stream of [true, false])
  test(`a client that leaves aborts the generation, stream: ${stream}`, async (context) => {
    const over = Promise.withResolvers<void>();
    const abort = new AbortController();
    const { service, key } = await startModel(context, async function* model(_request, signal) {
      yield { type: 'text', text: 'x' };
      abort.abort();
      if (!signal.aborted) await once(signal, 'abort');
      over.resolve();
    });
    const json = { ...ASK, stream };
    const answer = callJson(service, 'POST', PATH, { key, json, signal: abort.signal });
    await assert.rejects(answer);
    await over.promise;
  });
