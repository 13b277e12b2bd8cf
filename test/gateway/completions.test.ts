// Shows the completions of plain texts on the wire: whole and streamed, several at once, and what is refused in words.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { type ChatRequest, textOf } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { call, callJson } from './http.ts';
import { says, startService } from './service.ts';

const PATH = '/v1/completions';
const ASK = { model: 'm', prompt: 'def f(' };
const ANSWER: readonly ModelEvent[] = [
  { type: 'text', text: '\n x' },
  { type: 'text', text: ' ' },
  { type: 'usage', promptTokens: 4, completionTokens: 2, cachedTokens: 1 },
  { type: 'finish', reason: 'length' },
];
const USAGE = {
  prompt_tokens: 4,
  completion_tokens: 2,
  total_tokens: 6,
  prompt_tokens_details: { cached_tokens: 1 },
};

type Complete = (request: ChatRequest) => AsyncIterable<ModelEvent>;

async function start(context: TestContext, complete: Complete = says(...ANSWER)) {
  const asked: ChatRequest[] = [];
  const port = (request: ChatRequest) => {
    asked.push(request);
    return complete(request);
  };
  const service = await startService(context, { changes: { complete: port } });
  return { service, asked, key: await service.key(['client']) };
}

type Started = Awaited<ReturnType<typeof start>>;

async function whole({ service, key }: Started, changes: object = {}) {
  const answer = await callJson<Record<string, unknown>>(service, 'POST', PATH, { key, json: { ...ASK, ...changes } });
  const { id, created, ...rest } = answer.body;
  assert.equal(answer.status, 200, answer.text);
  assert.match(String(id), /^cmpl_/);
  assert.equal(typeof created, 'number');
  return rest;
}

/** The chunks without what they share. */
async function chunks({ service, key }: Started, changes: object = {}) {
  const json = { ...ASK, stream: true, ...changes };
  const { status, text } = await call(service, 'POST', PATH, { key, json });
  assert.equal(status, 200, text);
  const lines = text.split('\n\n').filter((line) => line !== '');
  assert.equal(lines.pop(), 'data: [DONE]');
  return lines.map((line) => {
    const { id, created, object, model, ...rest } = JSON.parse(line.replace('data: ', '')) as Record<string, unknown>;
    assert.match(String(id), /^cmpl_/);
    assert.deepEqual([typeof created, object, model], ['number', 'text_completion', 'm']);
    return rest;
  });
}

const piece = (index: number, text: string, finish: string | null = null, logprobs: object | null = null) => ({
  index,
  text,
  logprobs,
  finish_reason: finish,
});

test('a text is gone on with to the letter, and what was used is counted', async (context) => {
  const started = await start(context);
  const settings = { max_tokens: 2, temperature: 0, stop: 'END', seed: 1, top_k: 4, min_p: 0.1, user: 'u', n: null };
  assert.deepEqual(await whole(started, { ...settings, prompt_cache_key: 'k' }), {
    object: 'text_completion',
    model: 'm',
    choices: [piece(0, '\n x ', 'length')],
    usage: USAGE,
  });
  assert.deepEqual(started.asked, [
    {
      model: 'm',
      messages: [{ role: 'user', content: 'def f(' }],
      temperature: 0,
      topK: 4,
      stop: ['END'],
      seed: 1,
      affinity: 'k',
      maxTokens: 2,
      extra: { min_p: 0.1, user: 'u' },
    },
  ]);
  const metrics = await started.service.ports.metrics();
  assert.match(metrics, /caisson_tokens_total\{for="client",kind="prompt"\} 4/);
});

test('a stream has each piece, the finish, and usage where it was asked for', async (context) => {
  const started = await start(context);
  const pieces = [
    { choices: [piece(0, '')] },
    { choices: [piece(0, '\n x')] },
    { choices: [piece(0, ' ')] },
    { choices: [piece(0, '', 'length')] },
  ];
  assert.deepEqual(await chunks(started), pieces);
  assert.deepEqual(await chunks(started, { stream_options: { include_usage: true } }), [
    ...pieces,
    { choices: [], usage: USAGE },
  ]);
});

test('several texts and several choices of each are numbered in their order, and their usage is summed', async (context) => {
  const started = await start(context, ({ messages, seed }) =>
    says(
      { type: 'text', text: `${textOf(messages[0]?.content ?? '')}${seed}` },
      { type: 'usage', promptTokens: 1, completionTokens: 2 },
      { type: 'finish', reason: 'stop' },
    )(),
  );
  const several = { prompt: ['a', 'b'], n: 2, seed: 5 };
  const expected = ['a5', 'a6', 'b5', 'b6'];
  assert.deepEqual(await whole(started, several), {
    object: 'text_completion',
    model: 'm',
    choices: expected.map((text, index) => piece(index, text, 'stop')),
    usage: { prompt_tokens: 4, completion_tokens: 8, total_tokens: 12 },
  });
  const texts = ['', '', '', ''];
  for (const { choices } of await chunks(started, several))
    for (const { index, text } of choices as readonly { index: number; text: string }[]) texts[index] += text;
  assert.deepEqual(texts, expected);
});

test('log-probabilities have the older form, with the place of each token in the text', async (context) => {
  const token = (text: string, logprob: number) => ({ token: text, logprob, bytes: null });
  const events: readonly ModelEvent[] = [
    { type: 'text', text: 'ab' },
    { type: 'logprobs', tokens: [{ ...token('ab', -1), top: [token('x', -2)] }] },
    { type: 'text', text: 'c' },
    { type: 'logprobs', tokens: [{ ...token('c', -3), top: [] }] },
    { type: 'finish', reason: 'stop' },
  ];
  const started = await start(context, says(...events));
  const first = { tokens: ['ab'], token_logprobs: [-1], top_logprobs: [{ x: -2 }], text_offset: [0] };
  const second = { tokens: ['c'], token_logprobs: [-3], top_logprobs: [{}], text_offset: [2] };
  const all = {
    tokens: ['ab', 'c'],
    token_logprobs: [-1, -3],
    top_logprobs: [{ x: -2 }, {}],
    text_offset: [0, 2],
  };
  assert.deepEqual((await whole(started, { logprobs: 1 }))['choices'], [piece(0, 'abc', 'stop', all)]);
  assert.equal(started.asked[0]?.logprobs, 1);
  assert.deepEqual(await chunks(started, { logprobs: 1 }), [
    { choices: [piece(0, '')] },
    { choices: [piece(0, 'ab')] },
    { choices: [piece(0, '', null, first)] },
    { choices: [piece(0, 'c')] },
    { choices: [piece(0, '', null, second)] },
    { choices: [piece(0, '', 'stop')] },
  ]);
});

describe('a completion is refused in words', () => {
  test('where the request cannot be met', async (context) => {
    const { service, key, asked } = await start(context);
    const told = async (changes: object) => {
      const json = { ...ASK, ...changes };
      const { status, body } = await callJson<{ error: { message: string } }>(service, 'POST', PATH, { key, json });
      assert.equal(status, 400);
      return body.error.message;
    };
    assert.deepEqual(
      [
        await told({ prompt: [1, 2] }),
        await told({ prompt: undefined }),
        await told({ echo: true }),
        await told({ suffix: '}' }),
        await told({ best_of: 2 }),
        await told({ prompt: Array.from({ length: 9 }, () => 'a'), n: 2 }),
      ],
      [
        'prompt: expected text or a list of texts; the numbers of tokens are not taken',
        'prompt: expected text or a list of texts; the numbers of tokens are not taken',
        'echo: the prompt is not told back: put it before the text yourself',
        'suffix: texts are only gone on with at their end',
        'best_of: the best of several is not sought: ask for n, and choose',
        'prompt: 18 texts would be made of it, and at most 16 are: send several requests',
      ],
    );
    assert.deepEqual(asked, []);
  });

  test('where the engine cannot do it', async (context) => {
    const message = 'the engine of this model has no completions of plain text';
    const { service, key } = await start(
      context,
      says({ type: 'error', code: 'not_supported', message, retryable: false }),
    );
    for (const stream of [false, true]) {
      const json = { ...ASK, stream };
      const { status, body } = await callJson<{ error: object }>(service, 'POST', PATH, { key, json });
      assert.deepEqual(
        [status, body.error],
        [501, { message, type: 'server_error', param: null, code: 'not_supported' }],
      );
    }
  });
});

test('a text that was cut never looks whole: the stream breaks, and the whole one is an error', async (context) => {
  const started = await start(context, says({ type: 'text', text: 'a' }));
  const { service, key } = started;
  await assert.rejects(chunks(started), { code: 'ECONNRESET' });
  assert.equal((await call(service, 'POST', PATH, { key, json: ASK })).status, 502);
});
