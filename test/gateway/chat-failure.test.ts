// Shows that an answer that was cut or never began is told as such: a proper error, or a broken connection.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { LIMITS } from '../../src/base/limits.ts';
import type { ModelErrorEvent, ModelEvent } from '../../src/contracts/model-events.ts';
import { call, callJson, open } from './http.ts';
import { says, startService } from './service.ts';

const PATH = '/v1/chat/completions';
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const STREAMED = { ...CHAT, stream: true };

async function start(context: Parameters<typeof startService>[0], ...events: readonly ModelEvent[]) {
  const service = await startService(context, { model: says(...events) });
  return { service, key: await service.key(['client']) };
}

/** What came before the connection broke; fails if it ended as it should. */
async function readBroken(answer: IncomingMessage, onData: () => void = () => {}): Promise<string> {
  let text = '';
  try {
    for await (const chunk of answer) {
      text += String(chunk);
      onData();
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    return text;
  }
  throw new Error(`the answer ended tidily: ${text}`);
}

const DEAD: ModelErrorEvent = {
  type: 'error',
  code: 'backend_failed',
  message: 'engine http://vllm-7:8000/v1 said 500 at 10.1.2.3:8000',
  retryable: true,
};

/** Answers that must not look whole. */
const CUTS: readonly { readonly name: string; readonly events: readonly ModelEvent[]; readonly message: string }[] = [
  {
    name: 'the engine dies',
    events: [{ type: 'text', text: 'ls -a &&' }, DEAD],
    message: 'engine the engine said 500 at the engine',
  },
  {
    name: 'the engine just stops',
    events: [{ type: 'text', text: 'ls -a &&' }],
    message: 'the engine stopped in the middle of the answer',
  },
  {
    name: 'the engine gives up',
    events: [
      { type: 'text', text: 'ls -a &&' },
      { type: 'finish', reason: 'abort' },
    ],
    message: 'the engine gave the answer up',
  },
  {
    name: 'a call was never closed',
    events: [
      { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"command":"ls -a &&', complete: false },
      { type: 'finish', reason: 'tool_calls' },
    ],
    message: 'the answer ended inside the tool call "bash"',
  },
  {
    name: 'the limit cuts a call',
    events: [
      { type: 'tool_call', index: 0, id: 'c', name: 'bash', arguments: '{"command":"ls -a &&', complete: false },
      { type: 'finish', reason: 'length' },
    ],
    message: 'the limit on tokens was reached inside the tool call "bash"',
  },
];

describe('an answer that was cut', () => {
  for (const { name, events, message } of CUTS)
    test(`is a broken connection when it was streamed, and 502 when it was not: ${name}`, async (context) => {
      const [first, ...rest] = events;
      const seen = Promise.withResolvers<void>();
      const service = await startService(context, {
        model: async function* model(): AsyncGenerator<ModelEvent> {
          if (first !== undefined) yield first;
          await seen.promise;
          yield* rest;
        },
      });
      const key = await service.key(['client']);
      const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
      const text = await readBroken(answer, seen.resolve);
      assert.match(text, /ls -a &&/);
      assert.doesNotMatch(text, /DONE|"finish_reason":"/);
      const whole = await callJson<{ error: object }>(service, 'POST', PATH, { key, json: CHAT });
      assert.equal(whole.status, 502);
      assert.deepEqual(whole.body.error, { message, type: 'server_error', param: null, code: 'backend_failed' });
    });

  test('at the limit, with no call open, is a good answer that says so', async (context) => {
    const { service, key } = await start(context, { type: 'text', text: 'a' }, { type: 'finish', reason: 'length' });
    const { text } = await call(service, 'POST', PATH, { key, json: STREAMED });
    assert.match(text, /"delta":\{\},"logprobs":null,"finish_reason":"length"\}\]\}\n\ndata: \[DONE\]\n\n$/);
  });

  test('by growing over the ceiling is 502', async (context) => {
    const limits = { ...LIMITS, modelAnswerBytes: 10 };
    const model = says({ type: 'text', text: 'x'.repeat(11) }, { type: 'finish', reason: 'stop' });
    const service = await startService(context, { model, changes: { limits } });
    const { status } = await call(service, 'POST', PATH, { key: await service.key(['client']), json: CHAT });
    assert.equal(status, 502);
  });
});

/** Error of the engine → status, then type and code of the body. */
const ENGINE_ERRORS: readonly [ModelErrorEvent['code'], number, string, string][] = [
  ['backend_unreachable', 503, 'overloaded_error', 'backend_unreachable'],
  ['backend_failed', 502, 'server_error', 'backend_failed'],
  ['backend_garbage', 502, 'server_error', 'backend_garbage'],
  ['model_not_found', 404, 'not_found_error', 'model_not_found'],
  ['invalid_input', 400, 'invalid_request_error', 'invalid_input'],
  ['context_exceeded', 400, 'invalid_request_error', 'context_length_exceeded'],
  ['overloaded', 503, 'overloaded_error', 'overloaded'],
  ['aborted', 502, 'server_error', 'backend_failed'],
  ['rehearsal_left_script', 500, 'server_error', 'rehearsal_left_script'],
];

describe('an engine that fails before its first event is a proper error, streamed or not:', () => {
  test('each kind with its status, type and code', async (context) => {
    const message = "This model's maximum context length is 10 tokens.";
    const service = await startService(context, {
      model: async function* model({ model: name }): AsyncGenerator<ModelEvent> {
        const [code = 'aborted'] = ENGINE_ERRORS.find(([code]) => code === name) ?? [];
        yield { type: 'error', code, message, retryable: false, retryAfter: 7 };
      },
    });
    const key = await service.key(['client']);
    for (const [code, status, type, openaiCode] of ENGINE_ERRORS)
      for (const stream of [false, true]) {
        const json = { ...CHAT, model: code, stream };
        const answer = await callJson<{ error: object }>(service, 'POST', PATH, { key, json });
        const told = code === 'backend_unreachable' ? 'the engine of this model cannot be reached' : message;
        assert.deepEqual(
          [answer.status, answer.body.error, answer.headers['retry-after']],
          [status, { message: told, type, param: null, code: openaiCode }, status === 503 ? '7' : undefined],
        );
      }
  });

  test('and an engine that says nothing at all is one as well', async (context) => {
    const { service, key } = await start(context);
    assert.equal((await call(service, 'POST', PATH, { key, json: STREAMED })).status, 502);
  });
});

test('a closing service breaks its streams instead of ending them', async (context) => {
  const service = await startService(context, {
    model: async function* model(_request, signal): AsyncGenerator<ModelEvent> {
      yield { type: 'text', text: 'half' };
      if (!signal.aborted) await once(signal, 'abort');
    },
  });
  const answer = await open(service, 'POST', PATH, { key: await service.key(['client']), json: STREAMED });
  const seen = Promise.withResolvers<void>();
  const broken = readBroken(answer, seen.resolve);
  await seen.promise;
  await service.app.close();
  assert.match(await broken, /half/);
});

test('an error of ours that nobody expected is told without its words, and logged', async (context) => {
  const service = await startService(context, {
    changes: { models: () => Promise.reject(new Error('password hunter2')) },
  });
  const answer = await call(service, 'GET', '/v1/models', { key: await service.key(['client']) });
  assert.equal(answer.status, 500);
  assert.deepEqual(JSON.parse(answer.text), {
    error: { message: 'an unexpected error', type: 'server_error', param: null, code: 'internal' },
  });
  assert.ok(service.logged.some(({ message }) => message === 'a request failed unexpectedly'));
});
