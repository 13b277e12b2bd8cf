// Shows what each refusal of an endpoint becomes: code, words, whether it may be sent again and when.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelErrorCode, ModelErrorEvent } from '../../../../src/contracts/model-events.ts';
import { CaissonError } from '../../../../src/base/errors.ts';
import { gather, HELLO, patient } from '../events.ts';
import { backendAt, EVENT_STREAM, sendJson, startEndpoint } from './scripted-endpoint.ts';
import { frame } from './frames.ts';

interface Refusal {
  readonly name: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly code: ModelErrorCode;
  readonly words: string;
  readonly said: string;
  readonly retryable?: boolean;
  readonly retryAfter?: number;
  readonly to?: string;
}

const KEY_WORDS = 'the endpoint refuses the key';
const BUSY_WORDS = 'the endpoint is busy';
const CONTEXT = 'the conversation is longer than the model takes';
const NO_ENDPOINT = 'there is no chat endpoint at this address';
const FAILED = 'the endpoint failed';
const REFUSES = 'the endpoint refuses the request';
const error = (message: string, more: object = {}) => ({ error: { message, ...more } });

const REFUSALS: readonly Refusal[] = [
  {
    name: '401 of vLLM, whose error is only text',
    status: 401,
    body: { error: 'Unauthorized' },
    code: 'backend_failed',
    words: KEY_WORDS,
    said: 'Unauthorized',
  },
  {
    name: '401 that sends the key back',
    status: 401,
    body: error('Incorrect API key provided: sk-secret-1. Find yours in the console.'),
    code: 'backend_failed',
    words: KEY_WORDS,
    said: 'Incorrect API key provided: [key]. Find yours in the console.',
  },
  {
    name: '403 with a page',
    status: 403,
    body: '<html>\n <b>Forbidden</b>\u0007\n</html>',
    code: 'backend_failed',
    words: KEY_WORDS,
    said: '<html> <b>Forbidden</b> </html>',
  },
  {
    name: '400 over the context in vLLM',
    status: 400,
    body: error('You passed 8193 input tokens, at most 8192 fit.', {
      type: 'BadRequestError',
      param: 'input_tokens',
      code: 400,
    }),
    code: 'context_exceeded',
    words: CONTEXT,
    said: 'You passed 8193 input tokens, at most 8192 fit.',
  },
  {
    name: '400 over the context in llama-server',
    status: 400,
    body: error('the request exceeds the available size', { type: 'exceed_context_size_error', code: 400 }),
    code: 'context_exceeded',
    words: CONTEXT,
    said: 'the request exceeds the available size',
  },
  {
    name: '400 over the context elsewhere, by its code',
    status: 400,
    body: error('Too much.', { code: 'context_length_exceeded' }),
    code: 'context_exceeded',
    words: CONTEXT,
    said: 'Too much.',
  },
  {
    name: '413 over the context, by its words',
    status: 413,
    body: { detail: 'maximum context length is 10 tokens' },
    code: 'context_exceeded',
    words: CONTEXT,
    said: 'maximum context length is 10 tokens',
  },
  {
    name: '400 for too large a max_tokens, which a shorter conversation would not help',
    status: 400,
    body: error('max_tokens is over the context length', { param: 'max_tokens' }),
    code: 'invalid_input',
    words: REFUSES,
    said: 'max_tokens is over the context length',
  },
  {
    name: '422 with details',
    status: 422,
    body: { detail: [{ loc: ['body', 'messages'], msg: 'field required' }] },
    code: 'invalid_input',
    words: REFUSES,
    said: '[{"loc":["body","messages"],"msg":"field required"}]',
  },
  {
    name: '429 with seconds to wait',
    status: 429,
    body: error('Slow down.'),
    headers: { 'retry-after': '7' },
    code: 'overloaded',
    words: BUSY_WORDS,
    said: 'Slow down.',
    retryable: true,
    retryAfter: 7,
  },
  {
    name: '503 with a date to wait for',
    status: 503,
    body: error('Loading model'),
    headers: { 'retry-after': 'Thu, 01 Jan 1970 00:01:30 GMT' },
    code: 'overloaded',
    words: BUSY_WORDS,
    said: 'Loading model',
    retryable: true,
    retryAfter: 30,
  },
  {
    name: '503 of vLLM, which says no time, and a date that is over',
    status: 503,
    body: error('Too many requests are queued.', { type: 'Service Unavailable', code: 503 }),
    headers: { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' },
    code: 'overloaded',
    words: BUSY_WORDS,
    said: 'Too many requests are queued.',
    retryable: true,
  },
  {
    name: '429 with a time to wait that is none',
    status: 429,
    body: error('Slow down.'),
    headers: { 'retry-after': 'soon' },
    code: 'overloaded',
    words: BUSY_WORDS,
    said: 'Slow down.',
    retryable: true,
  },
  {
    name: '500',
    status: 500,
    body: error('engine dead', { type: 'InternalServerError' }),
    code: 'backend_failed',
    words: FAILED,
    said: 'engine dead',
    retryable: true,
  },
  {
    name: '502 without a body',
    status: 502,
    body: '',
    code: 'backend_failed',
    words: FAILED,
    said: 'nothing said',
    retryable: true,
  },
  {
    name: '404 of a wrong address',
    status: 404,
    body: { detail: 'Not Found' },
    code: 'backend_garbage',
    words: NO_ENDPOINT,
    said: 'Not Found',
  },
  {
    name: '405',
    status: 405,
    body: { detail: 'Method Not Allowed' },
    code: 'backend_garbage',
    words: NO_ENDPOINT,
    said: 'Method Not Allowed',
  },
  {
    name: '307, which is not followed: the key is not for others',
    status: 307,
    body: '',
    headers: { location: 'https://elsewhere.example/v1' },
    code: 'backend_garbage',
    words: NO_ENDPOINT,
    said: 'nothing said',
    to: '; it sends to https://elsewhere.example/v1',
  },
];

const AT_ONE_MINUTE = { now: () => 60_000, monotonic: () => 0 };

describe('a refusal', () => {
  for (const refusal of REFUSALS) {
    test(refusal.name, async (t) => {
      const { status, body, headers, code, words, said, to = '', retryable = false, retryAfter } = refusal;
      const endpoint = await startEndpoint(t, (response) => {
        if (typeof body === 'string') response.writeHead(status, headers).end(body);
        else sendJson(response, status, body, headers);
      });
      const backend = backendAt(endpoint.url, { key: 'sk-secret-1', clock: AT_ONE_MINUTE });
      const expected: ModelErrorEvent = {
        type: 'error',
        code,
        message: `${words} (status ${status} from ${endpoint.url}${to}): ${said}`,
        retryable,
        ...(retryAfter === undefined ? {} : { retryAfter }),
      };
      assert.deepEqual(await gather(backend.stream(HELLO, patient())), [expected]);
      assert.equal(endpoint.asked.length, 1);
    });
  }

  test('404 of an unknown model names those that are served', async (t) => {
    const endpoint = await startEndpoint(t, (response, { path }) => {
      if (path === '/v1/models') sendJson(response, 200, { data: [{ id: 'nano' }, { id: 'super' }] });
      else sendJson(response, 404, error('The model `m` does not exist.', { type: 'NotFoundError', code: 404 }));
    });
    const message = `the endpoint does not know the model (status 404 from ${endpoint.url}): The model \`m\` does not exist.`;
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [
      { type: 'error', code: 'model_not_found', message: `${message}; served are: nano, super`, retryable: false },
    ]);
  });

  test('404 of an unknown model stands alone where the endpoint does not list its models', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendJson(response, 404, { object: 'error', message: 'model m not found', type: 'NotFoundError', code: 404 }),
    );
    const message = `the endpoint does not know the model (status 404 from ${endpoint.url}): model m not found`;
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [
      { type: 'error', code: 'model_not_found', message, retryable: false },
    ]);
  });

  test('by a redirect takes neither the key nor the conversation elsewhere', async (t) => {
    const elsewhere = await startEndpoint(t, (response) => sendJson(response, 200, {}));
    const endpoint = await startEndpoint(t, (response) => {
      response.writeHead(307, { location: `${elsewhere.url}/chat/completions` }).end();
    });
    const [{ type } = assert.fail()] = await gather(backendAt(endpoint.url).stream(HELLO, patient()));
    assert.deepEqual([type, endpoint.asked.length, elsewhere.asked.length], ['error', 1, 0]);
  });

  test('that sends the key back tells it in no message, whatever its form', async (t) => {
    const echo = 'no such key: sk-secret-1';
    const bodies = [
      [500, echo],
      [200, frame({ error: { message: echo } })],
      [200, `data: ${echo}\n\n`],
    ] as const;
    for (const [status, body] of bodies) {
      const endpoint = await startEndpoint(t, (response) => {
        response.writeHead(status, status === 200 ? EVENT_STREAM : {}).end(body);
      });
      const backend = backendAt(endpoint.url, { key: 'sk-secret-1' });
      const [failure] = await gather(backend.stream(HELLO, patient()));
      assert.match(failure?.type === 'error' ? failure.message : '', /no such key: \[key\]/);
      const thrown: unknown = await backend.models(patient()).catch((cause: unknown) => cause);
      assert.ok(thrown instanceof CaissonError);
      assert.doesNotMatch(`${thrown.message} ${String(thrown.cause)}`, /sk-secret/);
    }
  });

  test('without end is read for its beginning, and its connection closed', async (t) => {
    let closed: Promise<void> | undefined;
    const endpoint = await startEndpoint(t, (response) => {
      closed = new Promise((resolve) => response.once('close', resolve));
      response.writeHead(500);
      const pour = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    });
    assert.deepEqual(await gather(backendAt(endpoint.url).stream(HELLO, patient())), [
      {
        type: 'error',
        code: 'backend_failed',
        message: `the endpoint failed (status 500 from ${endpoint.url}): ${'x'.repeat(200)}`,
        retryable: true,
      },
    ]);
    await closed;
  });
});
