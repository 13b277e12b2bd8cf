// Which addresses exist, what they say to other methods, and what no answer and no log ever tells: the engine's address, keys, prompts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelErrorCode, ModelErrorEvent, ModelEvent } from '../../../src/contracts/model-events.ts';
import { call, callJson, exchangeBytes } from '../http.ts';
import { EVERY_ROLE, says, startService } from '../service.ts';

const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const HELLO = says({ type: 'text', text: 'hello' }, { type: 'finish', reason: 'stop' });

/** Of engines; a service that passes them on hands its engine to everyone. */
const OF_ENGINES = [
  '/tokenize',
  '/detokenize',
  '/pause',
  '/resume',
  '/sleep',
  '/wake_up',
  '/health',
  '/ping',
  '/version',
  '/load',
  '/invocations',
  '/pooling',
  '/reset_prefix_cache',
  '/collective_rpc',
  '/server_info',
  '/v1/load_lora_adapter',
  '/v1/unload_lora_adapter',
  '/v1/metrics',
  '/v1/chat/completions/render',
  '/v1/../metrics',
  '/v1/..%2fmetrics',
  '//v1/chat/completions',
  '/v1//chat/completions',
  '/V1/chat/completions',
  '/v1/chat/completions/',
  '/v1/chat/completions;x=1',
];

test('only what is documented exists: addresses of engines are ours to refuse, whoever asks', async (context) => {
  const service = await startService(context, { model: HELLO });
  const key = await service.key(EVERY_ROLE);
  for (const path of OF_ENGINES)
    for (const method of ['GET', 'POST']) {
      const answer = await callJson<{ error: { message: string } }>(service, method, path, {
        key,
        ...(method === 'POST' ? { json: CHAT } : {}),
      });
      assert.deepEqual(
        [method, path, answer.status, answer.body.error.message],
        [method, path, 404, 'there is nothing at this address'],
      );
    }
  for (const path of ['http://engine.example/v1/chat/completions', 'http://localhost/v1/models', '*'])
    assert.equal((await call(service, 'POST', path, { key, json: CHAT })).status, 400);
  assert.deepEqual(service.asked, []);
  assert.equal((await call(service, 'POST', '/v1/chat/completions?beta=true', { key, json: CHAT })).status, 200);
});

test('our own metrics are for auditors', async (context) => {
  const service = await startService(context);
  const statusOf = async (key?: string) =>
    (await call(service, 'GET', '/metrics', key === undefined ? {} : { key })).status;
  const keys = await Promise.all([service.key(['client']), service.key(['auditor'])]);
  assert.deepEqual(await Promise.all([statusOf(), ...keys.map(statusOf)]), [401, 403, 200]);
});

test('an address tells the methods it takes, to OPTIONS and to every other method', async (context) => {
  const service = await startService(context, { model: HELLO });
  const key = await service.key(EVERY_ROLE);
  const told = async (method: string, path: string) => {
    const { status, headers, text } = await call(service, method, path, { key });
    return [
      status,
      headers.allow,
      text === '' ? '' : (JSON.parse(text) as { error: { message: string } }).error.message,
    ];
  };
  const no = (method: string) => `this address does not take ${method}`;
  assert.deepEqual(
    await Promise.all([
      told('OPTIONS', '/v1/chat/completions'),
      told('GET', '/v1/chat/completions'),
      told('HEAD', '/v1/chat/completions'),
      told('PUT', '/v1/models/a/b'),
      told('PATCH', '/api/v1/keys?x=1'),
      told('DELETE', '/api/v1/approvals/x'),
      told('OPTIONS', '/nothing'),
    ]),
    [
      [204, 'OPTIONS, POST', ''],
      [405, 'OPTIONS, POST', no('GET')],
      [405, 'OPTIONS, POST', ''],
      [405, 'GET, HEAD, OPTIONS', no('PUT')],
      [405, 'GET, HEAD, OPTIONS, POST', no('PATCH')],
      [405, 'GET, HEAD, OPTIONS, POST', no('DELETE')],
      [404, undefined, 'there is nothing at this address'],
    ],
  );
});

test('HEAD says what GET would, without the body', async (context) => {
  const service = await startService(context, { models: [{ id: 'm', backend: 'e' }] });
  const key = await service.key(EVERY_ROLE);
  for (const path of ['/healthz', '/v1/models', '/api/v1/keys', '/metrics']) {
    const [head, get] = await Promise.all([call(service, 'HEAD', path, { key }), call(service, 'GET', path, { key })]);
    assert.deepEqual([head.status, head.headers['content-type'], head.text], [200, get.headers['content-type'], '']);
  }
});

test('methods that are none of ours are refused', async (context) => {
  const service = await startService(context);
  const first = async (line: string) =>
    (await exchangeBytes(service, `${line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)).split('\r\n')[0];
  assert.deepEqual(await Promise.all(['TRACE /healthz', 'PROPFIND /healthz', 'BREW /healthz'].map(first)), [
    'HTTP/1.1 405 Method Not Allowed',
    'HTTP/1.1 405 Method Not Allowed',
    'HTTP/1.1 400 Bad Request',
  ]);
});

describe('where an engine lives is told in no header and no text:', () => {
  const SECRETS = ['vllm-7', '8000', '10.1.2.3', 'fd00::7', 'engine.internal'];
  const WORDS =
    'http://vllm-7:8000/v1 cannot be reached: connect ECONNREFUSED 10.1.2.3:8000, [fd00::7]:8000, fd00::7, ' +
    'getaddrinfo ENOTFOUND vllm-7.engine.internal, engine.internal:8000, https://user@vllm-7:8000/x?y=z';
  const CODES: readonly ModelErrorCode[] = [
    'backend_unreachable',
    'backend_failed',
    'backend_garbage',
    'model_not_found',
    'invalid_input',
    'context_exceeded',
    'overloaded',
    'aborted',
    'rehearsal_left_script',
  ];
  const ASKS = [
    ['/v1/chat/completions', CHAT],
    ['/v1/messages', { ...CHAT, max_tokens: 9 }],
    ['/v1/responses', { model: 'm', input: 'hi' }],
  ] as const;

  for (const code of CODES)
    test(code, async (context) => {
      const error: ModelErrorEvent = { type: 'error', code, message: WORDS, retryable: code !== 'invalid_input' };
      const speaks: ModelEvent = { type: 'reasoning', text: 'hm' };
      const service = await startService(context, {
        model: ({ model }) => (model === 'late' ? says(speaks, error)() : says(error)()),
      });
      const key = await service.key(['client']);
      for (const [path, json] of ASKS)
        for (const stream of [false, true])
          for (const model of ['m', 'late']) {
            const answer = await call(service, 'POST', path, { key, json: { ...json, model, stream } }).catch(
              (reset: NodeJS.ErrnoException) => ({ headers: {}, text: String(reset.code) }),
            );
            const told = JSON.stringify(answer);
            assert.deepEqual(
              SECRETS.filter((secret) => told.includes(secret)),
              [],
              told,
            );
          }
    });
});

test('no key and no word of a conversation stands in the log, whatever goes wrong', async (context) => {
  const word = 'Zanzibar';
  const service = await startService(context, {
    model: ({ model }) => {
      if (model === 'throws') throw new Error(`cannot render ${word}`);
      return says({ type: 'text', text: word }, { type: 'finish', reason: model === 'm' ? 'stop' : 'abort' })();
    },
  });
  const key = await service.key(EVERY_ROLE);
  const messages = [{ role: 'user', content: word }];
  for (const model of ['m', 'cut', 'throws', `${word}${key}`])
    for (const stream of [false, true])
      for (const [path, json] of [
        ['/v1/chat/completions', { messages }],
        ['/v1/messages', { messages, max_tokens: 9 }],
        ['/v1/responses', { input: word }],
      ] as const)
        await call(service, 'POST', path, { key, json: { ...json, model, stream } }).catch(() => undefined);
  const headers = { 'content-type': 'application/json' };
  await call(service, 'POST', `/v1/messages?key=${key}`, { key, json: {} });
  await call(service, 'POST', '/v1/messages', { key, headers, body: `{"${word}` });
  await call(service, 'GET', `/v1/models/${word}`, { key: `${key}${word}` });
  await call(service, 'GET', `/api/v1/runs/${key}`, { key });
  assert.ok(service.logged.length > 20);
  assert.doesNotMatch(JSON.stringify(service.logged), /Zanzibar|csn_/);
});
