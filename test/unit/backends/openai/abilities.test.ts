// Shows what an endpoint is asked beyond chat: to go on with a text, for vectors, for the tokens of a prompt and for its window.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChatRequest } from '../../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import type { Backend, EmbedRequest } from '../../../../src/contracts/ports.ts';
import { createAbilities } from '../../../../src/backends/abilities.ts';
import { createRouter } from '../../../../src/backends/router.ts';
import { BASH, failed, finish, gather, patient, requestOf, say, used } from '../events.ts';
import { DONE, frame, usage } from './frames.ts';
import { backendAt, closedAddress, sendJson, sendStream, startEndpoint } from './scripted-endpoint.ts';

const PROMPT = requestOf([{ role: 'user', content: 'def f(' }]);
const piece = (text: string, finishReason: string | null = null, more: object = {}) =>
  frame({ object: 'text_completion', choices: [{ index: 0, text, finish_reason: finishReason, ...more }] });

function abilitiesOf(...backends: readonly Backend[]) {
  return createAbilities(createRouter(backends));
}

function complete(backend: Backend, request: ChatRequest = PROMPT): Promise<readonly ModelEvent[]> {
  return gather(abilitiesOf(backend).complete(request, patient()));
}

const WITHOUT: Backend = {
  name: 'plain',
  recorded: false,
  stream: async function* stream() {
    yield finish('stop');
  },
  models: async () => [],
};

describe('a text to go on with', () => {
  test('is sent with what the request says, and comes back to the letter', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendStream(response, piece('\n x'), piece(' ', 'stop', { stop_reason: 'END' }) + usage(4, 2) + DONE),
    );
    const request = { ...PROMPT, maxTokens: 9, stop: ['END'], logprobs: 2, topK: 3, extra: { min_p: 0.5, echo: true } };
    assert.deepEqual(await complete(backendAt(endpoint.url), request), [
      say('\n x'),
      say(' '),
      used(4, 2),
      { type: 'finish', reason: 'stop', stop: 'END' },
    ]);
    const [{ method, path, body } = assert.fail()] = endpoint.asked;
    assert.deepEqual([method, path], ['POST', '/v1/completions']);
    assert.deepEqual(body, {
      model: 'm',
      prompt: 'def f(',
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 9,
      stop: ['END'],
      top_k: 3,
      logprobs: 2,
      min_p: 0.5,
    });
  });

  test('brings its log-probabilities in the older form', async (t) => {
    const logprobs = {
      tokens: ['a', 'b'],
      token_logprobs: [-1, null],
      top_logprobs: [{ a: -1, c: -2 }],
      text_offset: [0, 1],
    };
    const endpoint = await startEndpoint(t, (response) => sendStream(response, piece('ab', 'stop', { logprobs })));
    const other = (token: string, logprob: number) => ({ token, logprob, bytes: null });
    assert.deepEqual(await complete(backendAt(endpoint.url)), [
      say('ab'),
      { type: 'logprobs', tokens: [{ ...other('a', -1), top: [other('a', -1), other('c', -2)] }] },
      finish('stop'),
    ]);
  });

  test('that is cut, broken off or garbled is an error', async (t) => {
    const bodies = [piece('a'), piece('a') + piece('', 'abort'), frame({ choices: [{ text: 7 }] })];
    const last = await Promise.all(
      bodies.map(async (body) => {
        const endpoint = await startEndpoint(t, (response) => sendStream(response, body + DONE));
        return (await complete(backendAt(endpoint.url))).at(-1);
      }),
    );
    const message = 'the endpoint sent an event that is no chunk of a completion: {"choices":[{"text":7}]}';
    assert.deepEqual(last, [
      failed('the engine ended its text in the middle'),
      failed('the engine broke its text off: it is stopping, or took it back'),
      { type: 'error', code: 'backend_garbage', message, retryable: false },
    ]);
  });

  test('is refused in words by an engine that has no such way, and by a model that nobody serves', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendJson(response, 404, { detail: 'Not Found' }));
    const lacking = { type: 'error', code: 'not_supported', retryable: false } as const;
    assert.deepEqual(await complete(backendAt(endpoint.url)), [
      { ...lacking, message: 'the engine of this model has no completions of plain text' },
    ]);
    assert.deepEqual(await complete({ ...WITHOUT, declared: ['m'] }), [
      { ...lacking, message: 'the engine of the model "m" has no completions of plain text' },
    ]);
    const nobody = 'no backend serves the model "m"; no backend is configured that serves any';
    assert.deepEqual(await complete({ ...WITHOUT, declared: ['other'] }), [
      { ...lacking, code: 'model_not_found', message: nobody },
    ]);
  });
});

describe('the vectors of texts', () => {
  const ASK: EmbedRequest = { model: 'm', input: ['a', [1, 2]], base64: true };
  const embed = (backend: Backend, request = ASK) => abilitiesOf(backend).embed(request, patient());

  test('are asked for as they are wanted, and come in the order of their texts', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendJson(response, 200, {
        data: [
          { index: 1, embedding: [0.5, 1] },
          { index: 0, embedding: 'AAAAPw==' },
        ],
        usage: { prompt_tokens: 3, total_tokens: 3 },
      }),
    );
    const request = { ...ASK, dimensions: 2, extra: { truncate_prompt_tokens: 9, user: 'u' } };
    assert.deepEqual(await embed(backendAt(endpoint.url), request), {
      type: 'embeddings',
      vectors: ['AAAAPw==', [0.5, 1]],
      promptTokens: 3,
    });
    const [{ path, body } = assert.fail()] = endpoint.asked;
    assert.deepEqual(
      [path, body],
      [
        '/v1/embeddings',
        { truncate_prompt_tokens: 9, model: 'm', input: ['a', [1, 2]], dimensions: 2, encoding_format: 'base64' },
      ],
    );
  });

  test('are asked for without the form where an engine does not know it', async (t) => {
    const data = [{ embedding: [1] }, { embedding: [2] }];
    const endpoint = await startEndpoint(t, (response, { body }) => {
      if (Object.hasOwn(body as object, 'encoding_format')) sendJson(response, 422, { detail: 'encoding_format?' });
      else sendJson(response, 200, { data });
    });
    const backend = backendAt(endpoint.url);
    for (let count = 0; count < 2; count += 1)
      assert.deepEqual(await embed(backend), { type: 'embeddings', vectors: [[1], [2]] });
    assert.equal(endpoint.asked.length, 3);
  });

  test('that are too few, too many or none are an error', async (t) => {
    const bodies = [
      [{ embedding: [1] }],
      [{ embedding: [1] }, { embedding: [1] }, { embedding: [1] }],
      [
        { index: 1, embedding: [1] },
        { index: 1, embedding: [1] },
      ],
      [
        { index: 0, embedding: [1] },
        { index: 7, embedding: [1] },
      ],
      [{ embedding: [1] }, { embedding: ['x'] }],
    ];
    for (const data of bodies) {
      const endpoint = await startEndpoint(t, (response) => sendJson(response, 200, { data }));
      const answer = await embed(backendAt(endpoint.url));
      assert.deepEqual([answer.type, 'code' in answer ? answer.code : ''], ['error', 'backend_garbage']);
    }
  });

  test('are refused in words by an engine that makes none', async (t) => {
    const said = { error: { message: 'The model does not support Embeddings API', code: 400 } };
    const refusals = [
      [404, { detail: 'Not Found' }],
      [400, said],
      [501, {}],
    ] as const;
    for (const [status, body] of refusals) {
      const endpoint = await startEndpoint(t, (response) => sendJson(response, status, body));
      const message = 'the engine of this model has no embeddings';
      const lacking = { type: 'error', code: 'not_supported', message, retryable: false };
      assert.deepEqual(await embed(backendAt(endpoint.url)), lacking);
    }
    const failure = await embed(backendAt(await closedAddress()));
    assert.equal('code' in failure && failure.code, 'backend_unreachable');
  });
});

describe('the tokens of a prompt', () => {
  test('are counted by the engine beside its API, from the same words that its template gets', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendJson(response, 200, { count: 42, max_model_len: 99, tokens: [1], token_strs: null }),
    );
    const request = { ...PROMPT, tools: [BASH], thinking: { enabled: false } };
    assert.equal(await abilitiesOf(backendAt(endpoint.url)).countTokens(request, patient()), 42);
    const [{ method, path, body } = assert.fail()] = endpoint.asked;
    assert.deepEqual([method, path], ['POST', '/tokenize']);
    assert.deepEqual(body, {
      model: 'm',
      messages: [{ role: 'user', content: 'def f(' }],
      add_generation_prompt: true,
      tools: [{ type: 'function', function: BASH }],
      chat_template_kwargs: { enable_thinking: false },
    });
  });

  test('are not known where an engine cannot count, or is not there', async (t) => {
    const missing = await startEndpoint(t, (response) => sendJson(response, 404, { detail: 'Not Found' }));
    const garbage = await startEndpoint(t, (response) => void response.end('<html>'));
    for (const backend of [backendAt(missing.url), backendAt(garbage.url), backendAt(await closedAddress()), WITHOUT])
      assert.equal(await abilitiesOf(backend).countTokens(PROMPT, patient()), undefined);
  });
});

describe('the window of a model', () => {
  test('is asked for once, also where the configuration names the models, and again when it is old', async (t) => {
    let now = 0;
    let window = 4096;
    const endpoint = await startEndpoint(t, (response) =>
      sendJson(response, 200, { data: [{ id: 'm', max_model_len: window }] }),
    );
    const clock = { now: () => 0, monotonic: () => now };
    const { contextTokens } = abilitiesOf(backendAt(endpoint.url, { models: ['m', 'n'], clock }));
    const asked = await Promise.all([contextTokens('m'), contextTokens('m'), contextTokens('n'), contextTokens('x')]);
    assert.deepEqual([asked, endpoint.asked.length], [[4096, 4096, undefined, undefined], 1]);
    window = 8192;
    now = 61_000;
    // Nobody waits for the newer list.
    assert.equal(await contextTokens('m'), 4096);
    while ((await contextTokens('m')) !== 8192) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(endpoint.asked.length, 2);
  });

  test('is not known while the endpoint does not say, and then it is', async (t) => {
    let now = 0;
    const endpoint = await startEndpoint(t, (response, _, count) =>
      sendJson(response, count === 1 ? 500 : 200, { data: [{ id: 'm', max_model_len: 7 }] }),
    );
    const { contextTokens } = abilitiesOf(backendAt(endpoint.url, { clock: { now: () => 0, monotonic: () => now } }));
    assert.deepEqual([await contextTokens('m'), await contextTokens('m')], [undefined, undefined]);
    now = 5000;
    while ((await contextTokens('m')) !== 7) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(endpoint.asked.length, 2);
  });
});
