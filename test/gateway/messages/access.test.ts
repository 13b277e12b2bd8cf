// Shows what stands around the Messages endpoint: keys in either header, errors before a body is read, models and counted tokens.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import { EngineError } from '../../../src/gateway/errors.ts';
import { call, callJson } from '../http.ts';
import { says, startService } from '../service.ts';
import { ASK, PATH, start } from './stream.ts';

const VERSION = { 'anthropic-version': '2023-06-01' };
const COUNT = `${PATH}/count_tokens`;
const refusal = (type: string, message: string) => ({ type: 'error', error: { type, message } });

describe('a key', () => {
  test('may come in either header, and in both if it is the same', async (context) => {
    const { service, key } = await start(context, { type: 'finish', reason: 'stop' });
    const other = await service.key(['client'], 'blue');
    const tell = async (headers: Record<string, string>) => {
      const { status, body } = await callJson<Record<string, unknown>>(service, 'POST', PATH, { headers, json: ASK });
      const { request_id: _id, ...rest } = body;
      return status === 200 ? 200 : [status, rest];
    };
    const bearer = (key: string) => ({ authorization: `Bearer ${key}` });
    assert.equal(await tell({ 'x-api-key': key }), 200);
    assert.equal(await tell(bearer(key)), 200);
    assert.equal(await tell({ ...bearer(key), 'x-api-key': key }), 200);
    const differ = 'the headers authorization and x-api-key hold different keys';
    for (const headers of [
      { ...bearer(key), 'x-api-key': other },
      { ...bearer('csn_wrong'), 'x-api-key': key },
      { ...bearer(key), 'x-api-key': '' },
      { authorization: 'Basic eA==', 'x-api-key': key },
    ])
      assert.deepEqual(await tell(headers), [401, refusal('authentication_error', differ)]);
    const wrong = [401, refusal('authentication_error', 'the API key is not valid')];
    assert.deepEqual(await tell({ 'x-api-key': 'csn_wrong' }), wrong);
    assert.deepEqual(await tell({ 'x-api-key': `${key}, ${key}` }), wrong);
    assert.deepEqual(await tell({}), [401, refusal('authentication_error', 'this needs an API key')]);
    assert.equal(service.asked.length, 3);
  });

  test('without the role is told so', async (context) => {
    const { service } = await start(context);
    const key = await service.key(['auditor']);
    for (const path of [PATH, COUNT]) {
      const { status, body } = await callJson<{ error: object }>(service, 'POST', path, { key, json: ASK });
      assert.deepEqual(
        [status, body.error],
        [403, { type: 'permission_error', message: 'this needs a key with the role client' }],
      );
    }
  });
});

test('what no dialect can do is told in Anthropic’s shape: type, size, JSON, address', async (context) => {
  const { service, key } = await start(context);
  const tell = async (path: string, headers: Record<string, string>, body: string) => {
    const answer = await callJson<{ type: string; error: { type: string } }>(service, 'POST', path, {
      key,
      headers,
      body,
    });
    assert.equal(answer.body.type, 'error');
    return [answer.status, answer.body.error.type];
  };
  const json = { 'content-type': 'application/json' };
  assert.deepEqual(await tell(PATH, { 'content-type': 'text/plain' }, '{}'), [415, 'invalid_request_error']);
  assert.deepEqual(await tell(PATH, json, '{'), [400, 'invalid_request_error']);
  assert.deepEqual(await tell(PATH, json, ' '.repeat(33 * 1024 * 1024)), [413, 'request_too_large']);
  assert.deepEqual(await tell(`${PATH}/batches`, json, '{}'), [404, 'not_found_error']);
  assert.deepEqual(await tell('/v1/complete', { ...json, ...VERSION }, '{}'), [404, 'not_found_error']);
});

test('the address that Claude Code looks at first may be nothing', async (context) => {
  const service = await startService(context);
  assert.equal((await call(service, 'HEAD', '/api/hello')).status, 404);
});

describe('tokens are counted', () => {
  test('by the engine, of the same request that it would answer', async (context) => {
    const counted: ChatRequest[] = [];
    const countTokens = async (chat: ChatRequest) => {
      counted.push(chat);
      return 42;
    };
    const service = await startService(context, {
      model: says({ type: 'finish', reason: 'stop' }),
      changes: { countTokens },
    });
    const key = await service.key(['client']);
    const json = { ...ASK, system: 'Be good.', tools: [{ name: 'x', input_schema: { type: 'object' } }] };
    const { status, body } = await callJson<object>(service, 'POST', `${COUNT}?beta=true`, { key, json });
    assert.deepEqual([status, body], [200, { input_tokens: 42 }]);
    await call(service, 'POST', PATH, { key, json });
    assert.deepEqual(counted, [service.asked[0]?.request]);
  });

  test('as a guess where the engine cannot, images by their number', async (context) => {
    const service = await startService(context, { changes: { countTokens: async () => undefined } });
    const key = await service.key(['client']);
    const count = async (changes: object) => {
      const { max_tokens: _most, ...ask } = ASK;
      const answer = await callJson<{ input_tokens: number }>(service, 'POST', COUNT, {
        key,
        json: { ...ask, ...changes },
      });
      assert.equal(answer.status, 200);
      return answer.body.input_tokens;
    };
    const data = 'A'.repeat(100_000);
    const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data } };
    const call = { type: 'tool_use', id: 'a', name: 'bash', input: { command: 'ls' } };
    assert.equal(await count({}), 5);
    assert.equal(await count({ system: 'x'.repeat(350) }), 5 + 104);
    assert.equal(await count({ messages: [{ role: 'user', content: [image] }] }), 1604);
    assert.equal(await count({ messages: [{ role: 'assistant', content: [call] }] }), 4 + 4 + 6);
    assert.equal(await count({ tools: [{ name: 'x', input_schema: { type: 'object' } }] }), 5 + 4 + 6);
  });

  test('and an engine that refuses is heard', async (context) => {
    const countTokens = async () => {
      throw new EngineError({ type: 'error', code: 'model_not_found', message: 'no m', retryable: false });
    };
    const service = await startService(context, { changes: { countTokens } });
    const key = await service.key(['client']);
    const { status, body } = await callJson<{ error: object }>(service, 'POST', COUNT, { key, json: ASK });
    assert.deepEqual([status, body.error], [404, { type: 'not_found_error', message: 'no m' }]);
  });
});

describe('models', () => {
  const MODELS = [
    { id: 'nvidia/nemotron', contextTokens: 8192, backend: 'a' },
    { id: 'small', backend: 'a' },
    { id: 'small', backend: 'b' },
    { id: 'large', backend: 'b' },
  ];
  const entry = (id: string, created_at: string, max_input_tokens: number | null = null) => {
    const unknown = { max_tokens: null, capabilities: null };
    return { type: 'model', id, display_name: id, created_at, max_input_tokens, ...unknown };
  };

  test('are listed in pages for a client that names a version of the dialect', async (context) => {
    const service = await startService(context, { models: MODELS });
    const key = await service.key(['client']);
    const list = async (query: string) => {
      const answer = await callJson<{ data: { id: string; created_at: string }[] }>(
        service,
        'GET',
        `/v1/models${query}`,
        { key, headers: VERSION },
      );
      assert.equal(answer.status, 200);
      const { data, ...rest } = answer.body;
      return { ids: data.map(({ id }) => id), ...rest, data };
    };
    const all = await list('?limit=1000');
    const created = String(all.data[0]?.created_at);
    assert.match(created, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(all, {
      ids: ['nvidia/nemotron', 'small', 'large'],
      has_more: false,
      first_id: 'nvidia/nemotron',
      last_id: 'large',
      data: [entry('nvidia/nemotron', created, 8192), entry('small', created), entry('large', created)],
    });
    const page = async (query: string) => {
      const { ids, data: _data, ...rest } = await list(query);
      return [ids, Object.values(rest)];
    };
    assert.deepEqual(await page('?limit=2'), [
      ['nvidia/nemotron', 'small'],
      [true, 'nvidia/nemotron', 'small'],
    ]);
    assert.deepEqual(await page('?limit=2&after_id=small'), [['large'], [false, 'large', 'large']]);
    assert.deepEqual(await page('?limit=1&before_id=large'), [['small'], [true, 'small', 'small']]);
    assert.deepEqual(await page('?before_id=nvidia/nemotron'), [[], [false, null, null]]);
    const one = await callJson<object>(service, 'GET', '/v1/models/nvidia/nemotron', { key, headers: VERSION });
    assert.deepEqual(one.body, entry('nvidia/nemotron', created, 8192));
  });

  test('that are not there, and pages that are none, are told in the shape of the dialect', async (context) => {
    const service = await startService(context, { models: MODELS });
    const key = await service.key(['client']);
    const tell = async (path: string) => {
      const answer = await callJson<{ error: object }>(service, 'GET', path, { key, headers: VERSION });
      return [answer.status, answer.body.error];
    };
    assert.deepEqual(await tell('/v1/models/none'), [
      404,
      { type: 'not_found_error', message: 'the model "none" is not served' },
    ]);
    assert.deepEqual(await tell('/v1/models?limit=0'), [
      400,
      { type: 'invalid_request_error', message: 'limit: Too small: expected number to be >=1' },
    ]);
  });
});
