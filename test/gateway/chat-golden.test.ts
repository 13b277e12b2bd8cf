// Shows the chat endpoint on the wire: streams to the letter, and whole answers that say the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { ASK, PATH, readStream, readWhole, start } from './chat-stream.ts';
import { call, callJson } from './http.ts';

const USED: ModelEvent = { type: 'usage', promptTokens: 10, completionTokens: 5, cachedTokens: 8, reasoningTokens: 2 };
const USAGE = {
  prompt_tokens: 10,
  completion_tokens: 5,
  total_tokens: 15,
  prompt_tokens_details: { cached_tokens: 8 },
  completion_tokens_details: { reasoning_tokens: 2 },
};

/** A delta with its log-probabilities. */
type Probable = readonly [delta: object, logprobs: object];

interface Golden {
  readonly name: string;
  readonly events: readonly ModelEvent[];
  readonly request?: object;
  /** Between the role and the finish. */
  readonly deltas: readonly (object | Probable)[];
  readonly finish: string;
}

const text = (said: string): ModelEvent => ({ type: 'text', text: said });
const end = (reason: 'stop' | 'length' | 'tool_calls' | 'content_filter'): ModelEvent => ({ type: 'finish', reason });
const beginCall = (index: number, id: string, name: string, given = '') => ({
  tool_calls: [{ index, id, type: 'function', function: { name, arguments: given } }],
});
const more = (index: number, given: string) => ({ tool_calls: [{ index, function: { arguments: given } }] });
const token = (said: string, logprob: number) => ({ token: said, logprob, bytes: [...Buffer.from(said)] });
const THINKING: readonly ModelEvent[] = [
  { type: 'reasoning', text: 'hm, ' },
  { type: 'reasoning', text: 'ja' },
  text('yes'),
  end('stop'),
];
const FUNCTIONS = { functions: [{ name: 'f' }], function_call: 'auto' };
const CALL: readonly ModelEvent[] = [
  text('I look.'),
  { type: 'tool_call', index: 3, id: 'call_a', name: 'f', complete: false },
  { type: 'tool_call', index: 3, arguments: '{"a"', complete: false },
  { type: 'tool_call', index: 3, arguments: ':1}', complete: true },
  end('stop'),
];

const GOLDEN: readonly Golden[] = [
  {
    name: 'text',
    events: [text('Hel'), text('lo "ö"\n'), end('stop')],
    deltas: [{ content: 'Hel' }, { content: 'lo "ö"\n' }],
    finish: 'stop',
  },
  {
    name: 'reasoning and text',
    events: THINKING,
    deltas: [{ reasoning_content: 'hm, ' }, { reasoning_content: 'ja' }, { content: 'yes' }],
    finish: 'stop',
  },
  {
    name: 'reasoning that the client does not want to see',
    request: { reasoning: { exclude: true } },
    events: THINKING,
    deltas: [{ content: 'yes' }],
    finish: 'stop',
  },
  {
    name: 'one call',
    events: CALL,
    deltas: [{ content: 'I look.' }, beginCall(0, 'call_a', 'f'), more(0, '{"a"'), more(0, ':1}')],
    finish: 'tool_calls',
  },
  {
    name: 'parallel calls that the engine mixes',
    events: [
      { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{', complete: false },
      { type: 'tool_call', index: 7, id: 'b', name: 'g', arguments: '{"b":', complete: false },
      { type: 'tool_call', index: 0, arguments: '}', complete: true },
      { type: 'tool_call', index: 7, arguments: '2}', complete: false },
      { type: 'tool_call', index: 7, complete: true },
      end('tool_calls'),
    ],
    deltas: [beginCall(0, 'a', 'f', '{'), beginCall(1, 'b', 'g', '{"b":'), more(0, '}'), more(1, '2}')],
    finish: 'tool_calls',
  },
  {
    name: 'a call in the form that was before tools',
    request: FUNCTIONS,
    events: CALL,
    deltas: [
      { content: 'I look.' },
      { function_call: { name: 'f', arguments: '' } },
      { function_call: { arguments: '{"a"' } },
      { function_call: { arguments: ':1}' } },
    ],
    finish: 'function_call',
  },
  {
    name: 'log-probabilities, those of thinking and marks too',
    request: { logprobs: true, top_logprobs: 1 },
    events: [
      { type: 'reasoning', text: 'hm' },
      { type: 'logprobs', tokens: [{ ...token('hm', -1), top: [] }] },
      { type: 'logprobs', tokens: [{ ...token('</think>', 0), top: [] }] },
      text('ja'),
      { type: 'logprobs', tokens: [{ ...token('ja', -2), top: [token('no', -3)] }] },
      end('stop'),
    ],
    deltas: [
      { reasoning_content: 'hm' },
      [{}, { content: [{ ...token('hm', -1), top_logprobs: [] }], refusal: null }],
      [{}, { content: [{ ...token('</think>', 0), top_logprobs: [] }], refusal: null }],
      { content: 'ja' },
      [{}, { content: [{ ...token('ja', -2), top_logprobs: [token('no', -3)] }], refusal: null }],
    ],
    finish: 'stop',
  },
  {
    name: 'a stop sequence, which this dialect does not name',
    events: [text('a'), { type: 'finish', reason: 'stop', stop: 'END' }],
    deltas: [{ content: 'a' }],
    finish: 'stop',
  },
  { name: 'the limit on tokens', events: [text('a'), end('length')], deltas: [{ content: 'a' }], finish: 'length' },
  { name: 'a refusal', events: [end('content_filter')], deltas: [], finish: 'content_filter' },
];

describe('an answer of', () => {
  for (const { name, events, request = {}, deltas, finish } of GOLDEN)
    test(`${name} is streamed to the letter, and whole it says the same`, async (context) => {
      const started = await start(context, ...events, USED);
      const streamed = await readStream(started, { ...request, stream_options: { include_usage: true } });
      const [{ id, created } = assert.fail()] = streamed.chunks as readonly { id: string; created?: number }[];
      assert.match(id, /^chatcmpl_[0-9a-z]{26}$/);
      assert.ok(Math.abs(Number(created) - Date.now() / 1000) < 60);
      const shared = { id, object: 'chat.completion.chunk', created, model: 'm' };
      const choice = (delta: object, logprobs: object | null = null, finish_reason: string | null = null) => ({
        ...shared,
        choices: [{ index: 0, delta, logprobs, finish_reason }],
      });
      const chunks = [
        choice({ role: 'assistant', content: '' }),
        ...deltas.map((delta) => (isPair(delta) ? choice(delta[0], delta[1]) : choice(delta))),
        choice({}, null, finish),
        { ...shared, choices: [], usage: USAGE },
      ];
      const expected = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('');
      assert.equal(streamed.text, `${expected}data: [DONE]\n\n`);
      const { choices, usage } = streamed;
      assert.deepEqual(await readWhole(started, request), { choices, usage });
    });
});

function isPair(delta: object | Probable): delta is Probable {
  return Array.isArray(delta);
}

describe('an engine that fails', () => {
  const FAILURE: ModelEvent = { type: 'error', code: 'overloaded', message: 'full', retryable: true, retryAfter: 7 };

  test('before the first byte is an error of the dialect, and says when to come again', async (context) => {
    const { service, key } = await start(context, FAILURE);
    for (const stream of [true, false]) {
      const answer = await callJson<object>(service, 'POST', PATH, { key, json: { ...ASK, stream } });
      const error = { message: 'full', type: 'overloaded_error', param: null, code: 'overloaded' };
      assert.deepEqual([answer.status, answer.headers['retry-after'], answer.body], [503, '7', { error }]);
    }
  });

  test('after it breaks the connection, in the middle of a call too', async (context) => {
    const begun: readonly ModelEvent[] = [
      { type: 'tool_call', index: 0, id: 'a', name: 'f', arguments: '{"a":1}', complete: false },
    ];
    for (const events of [[text('a'), FAILURE], [...begun, FAILURE], [...begun, end('length')], begun]) {
      const { service, key } = await start(context, ...events);
      const json = { ...ASK, stream: true };
      await assert.rejects(call(service, 'POST', PATH, { key, json }), { code: 'ECONNRESET' });
    }
  });
});
