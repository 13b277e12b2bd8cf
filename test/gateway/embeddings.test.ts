// Shows the vectors of texts on the wire, in both forms and with the official client, and what is refused in words.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import OpenAI from 'openai';
import type { ModelErrorEvent } from '../../src/contracts/model-events.ts';
import type { Embedding, EmbedRequest, Embeddings } from '../../src/contracts/ports.ts';
import { callJson } from './http.ts';
import { startService } from './service.ts';

const PATH = '/v1/embeddings';
/** 0.5 and -2 as 32-bit floats, the smallest byte first. */
const BASE64 = 'AAAAPwAAAMA=';
const NUMBERS = [0.5, -2];

async function start(context: TestContext, answer: Embeddings | ModelErrorEvent) {
  const asked: EmbedRequest[] = [];
  const embed = async (request: EmbedRequest) => {
    asked.push(request);
    return answer;
  };
  const service = await startService(context, { changes: { embed } });
  return { service, asked, key: await service.key(['client']) };
}

const made = (...vectors: readonly Embedding[]): Embeddings => ({ type: 'embeddings', vectors, promptTokens: 3 });

async function ask({ service, key }: Awaited<ReturnType<typeof start>>, changes: object) {
  const json = { model: 'm', input: 'a', ...changes };
  const { status, body, text } = await callJson<Record<string, unknown>>(service, 'POST', PATH, { key, json });
  assert.equal(status, 200, text);
  return body;
}

describe('the vectors of texts', () => {
  test('come in the form that was asked for, whichever the engine gives', async (context) => {
    const started = await start(context, made(BASE64, NUMBERS));
    const list = (embedding: Embedding) => ({
      object: 'list',
      data: [0, 1].map((index) => ({ object: 'embedding', index, embedding })),
      model: 'm',
      usage: { prompt_tokens: 3, total_tokens: 3 },
    });
    const input = ['a', 'b'];
    assert.deepEqual(await ask(started, { input }), list(NUMBERS));
    assert.deepEqual(await ask(started, { input, encoding_format: 'float' }), list(NUMBERS));
    assert.deepEqual(await ask(started, { input, encoding_format: 'base64' }), list(BASE64));
    assert.deepEqual(
      started.asked.map(({ base64 }) => base64),
      [false, false, true],
    );
    assert.match(await started.service.ports.metrics(), /caisson_tokens_total\{for="client",kind="prompt"\} 9/);
  });

  test('are made of a text, texts, tokens, or lists of tokens, with what else the client says', async (context) => {
    const started = await start(context, made(NUMBERS));
    for (const input of ['a', ['a'], [1, 2], [[1, 2]]]) await ask(started, { input, dimensions: 2, priority: 1 });
    const rest = { model: 'm', base64: false, dimensions: 2, extra: { priority: 1 } };
    assert.deepEqual(
      started.asked,
      [['a'], ['a'], [[1, 2]], [[1, 2]]].map((input) => ({ ...rest, input })),
    );
  });

  test('reach the official client, which asks for base64 by itself', async (context) => {
    const { service, asked, key } = await start(context, made(NUMBERS));
    const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: key, maxRetries: 0 });
    const { data } = await client.embeddings.create({ model: 'm', input: 'a' });
    assert.deepEqual(data[0]?.embedding, NUMBERS);
    assert.equal(asked[0]?.base64, true);
  });
});

describe('vectors are refused in words', () => {
  async function told(started: Awaited<ReturnType<typeof start>>, changes: object) {
    const { service, key } = started;
    const json = { model: 'm', input: 'a', ...changes };
    const { status, body } = await callJson<{ error: { code: string; message: string } }>(service, 'POST', PATH, {
      key,
      json,
    });
    return [status, body.error.code, body.error.message];
  }

  test('where the request asks for none', async (context) => {
    const started = await start(context, made(NUMBERS));
    const words = 'expected a text that is not empty, a list of up to 2048 of them, or the numbers of their tokens';
    const empty = 'expected a text that is not empty';
    assert.deepEqual(await told(started, { input: '' }), [400, 'invalid_input', `input: ${empty}`]);
    assert.deepEqual(await told(started, { input: [''] }), [400, 'invalid_input', `input[0]: ${empty}`]);
    for (const input of [['a', 1], undefined])
      assert.deepEqual(await told(started, { input }), [400, 'invalid_input', `input: ${words}`]);
    assert.equal(started.asked.length, 0);
  });

  test('where the engine makes none, or sends what is none', async (context) => {
    const message = 'the engine of this model has no embeddings';
    const lacking = await start(context, { type: 'error', code: 'not_supported', message, retryable: false });
    assert.deepEqual(await told(lacking, {}), [501, 'not_supported', message]);
    const spoilt = await start(context, made('AAA='));
    const garbage = 'the engine sent a vector that is none, for input[0]';
    assert.deepEqual(await told(spoilt, {}), [502, 'backend_garbage', garbage]);
  });
});
