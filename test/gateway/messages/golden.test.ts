// Shows the Messages endpoint on the wire: streams to the letter, and whole answers that say the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { callJson } from '../http.ts';
import { ASK, PATH, readStream, start } from './stream.ts';

const USAGE: ModelEvent = { type: 'usage', promptTokens: 10, completionTokens: 5, cachedTokens: 8, reasoningTokens: 2 };
const COUNTED = {
  input_tokens: 2,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 8,
  output_tokens: 5,
  output_tokens_details: { thinking_tokens: 2 },
};
const ZERO = {
  input_tokens: 0,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: 0,
};
const GUESSED = { input_tokens: 5 };

interface Golden {
  readonly name: string;
  readonly events: readonly ModelEvent[];
  readonly request?: object;
  /** Events between ping and message_delta. */
  readonly blocks: readonly { readonly type: string }[];
  readonly content: readonly object[];
  readonly stop: object;
  /** What the beginning tells of usage; else a guess. */
  readonly counted?: object;
}

const begin = (index: number, content_block: object) => ({ type: 'content_block_start', index, content_block });
const delta = (index: number, inner: object) => ({ type: 'content_block_delta', index, delta: inner });
const end = (index: number) => ({ type: 'content_block_stop', index });
const beginText = (index: number) => begin(index, { type: 'text', text: '' });
const textDelta = (index: number, text: string) => delta(index, { type: 'text_delta', text });
const beginThinking = (index: number) => begin(index, { type: 'thinking', thinking: '', signature: '' });
const beginCall = (index: number, id: string, name: string) => begin(index, { type: 'tool_use', id, name, input: {} });
const json = (index: number, partial_json: string) => delta(index, { type: 'input_json_delta', partial_json });
const because = (stop_reason: string) => ({ stop_reason, stop_sequence: null });
const HIDDEN_HM = `caisson.${Buffer.from('hm, ja').toString('base64url')}`;

const THINKING: readonly ModelEvent[] = [
  { type: 'reasoning', text: 'hm, ' },
  { type: 'reasoning', text: 'ja' },
  { type: 'text', text: 'yes' },
  { type: 'finish', reason: 'stop' },
];

const GOLDEN: readonly Golden[] = [
  {
    name: 'text',
    events: [
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo "ö"\n' },
      { type: 'finish', reason: 'stop' },
    ],
    blocks: [beginText(0), textDelta(0, 'Hel'), textDelta(0, 'lo "ö"\n'), end(0)],
    content: [{ type: 'text', text: 'Hello "ö"\n' }],
    stop: because('end_turn'),
  },
  {
    name: 'thinking that was not spoken of',
    events: THINKING,
    blocks: [
      beginThinking(0),
      delta(0, { type: 'thinking_delta', thinking: 'hm, ' }),
      delta(0, { type: 'thinking_delta', thinking: 'ja' }),
      delta(0, { type: 'signature_delta', signature: 'caisson' }),
      end(0),
      beginText(1),
      textDelta(1, 'yes'),
      end(1),
    ],
    content: [
      { type: 'thinking', thinking: 'hm, ja', signature: 'caisson' },
      { type: 'text', text: 'yes' },
    ],
    stop: because('end_turn'),
  },
  {
    name: 'thinking that the client does not want to see',
    request: { thinking: { type: 'adaptive', display: 'omitted' } },
    events: THINKING,
    blocks: [
      beginThinking(0),
      delta(0, { type: 'signature_delta', signature: HIDDEN_HM }),
      end(0),
      beginText(1),
      textDelta(1, 'yes'),
      end(1),
    ],
    content: [
      { type: 'thinking', thinking: '', signature: HIDDEN_HM },
      { type: 'text', text: 'yes' },
    ],
    stop: because('end_turn'),
  },
  {
    name: 'thinking that the client has switched off and that came all the same',
    request: { thinking: { type: 'disabled' } },
    events: THINKING,
    blocks: [beginText(0), textDelta(0, 'yes'), end(0)],
    content: [{ type: 'text', text: 'yes' }],
    stop: because('end_turn'),
  },
  {
    name: 'one call',
    events: [
      { type: 'text', text: 'I look.' },
      { type: 'tool_call', index: 3, id: 'call_a', name: 'bash', complete: false },
      { type: 'tool_call', index: 3, arguments: '{"a"', complete: false },
      { type: 'tool_call', index: 3, arguments: ':1}', complete: true },
      { type: 'finish', reason: 'stop' },
    ],
    blocks: [
      beginText(0),
      textDelta(0, 'I look.'),
      end(0),
      beginCall(1, 'call_a', 'bash'),
      json(1, '{"a"'),
      json(1, ':1}'),
      end(1),
    ],
    content: [
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'call_a', name: 'bash', input: { a: 1 } },
    ],
    stop: because('tool_use'),
  },
  {
    name: 'parallel calls that the engine mixes',
    events: [
      { type: 'tool_call', index: 0, id: 'call_a', name: 'bash', arguments: '{"a"', complete: false },
      { type: 'tool_call', index: 1, id: 'call_b', name: 'read', arguments: '{"b":', complete: false },
      { type: 'tool_call', index: 0, arguments: ':{}', complete: false },
      { type: 'tool_call', index: 1, arguments: '2', complete: false },
      { type: 'tool_call', index: 2, id: 'call_c', name: 'now', complete: false },
      { type: 'tool_call', index: 0, arguments: '}', complete: false },
      { type: 'tool_call', index: 1, arguments: '}', complete: true },
      { type: 'tool_call', index: 2, complete: true },
      { type: 'tool_call', index: 0, complete: true },
      { type: 'finish', reason: 'tool_calls' },
    ],
    blocks: [
      beginCall(0, 'call_a', 'bash'),
      json(0, '{"a"'),
      json(0, ':{}'),
      json(0, '}'),
      end(0),
      beginCall(1, 'call_b', 'read'),
      json(1, '{"b":2'),
      json(1, '}'),
      end(1),
      beginCall(2, 'call_c', 'now'),
      json(2, '{}'),
      end(2),
    ],
    content: [
      { type: 'tool_use', id: 'call_a', name: 'bash', input: { a: {} } },
      { type: 'tool_use', id: 'call_b', name: 'read', input: { b: 2 } },
      { type: 'tool_use', id: 'call_c', name: 'now', input: {} },
    ],
    stop: because('tool_use'),
  },
  {
    name: 'a stop sequence',
    request: { stop_sequences: ['END', 'X'] },
    events: [
      { type: 'text', text: 'a' },
      { type: 'finish', reason: 'stop', stop: 'X' },
    ],
    blocks: [beginText(0), textDelta(0, 'a'), end(0)],
    content: [{ type: 'text', text: 'a' }],
    stop: { stop_reason: 'stop_sequence', stop_sequence: 'X' },
  },
  {
    name: 'a stop that the client did not ask for',
    request: { stop_sequences: ['END'] },
    events: [
      { type: 'text', text: 'a' },
      { type: 'finish', reason: 'stop', stop: '<|im_end|>' },
    ],
    blocks: [beginText(0), textDelta(0, 'a'), end(0)],
    content: [{ type: 'text', text: 'a' }],
    stop: because('end_turn'),
  },
  {
    name: 'the limit on tokens',
    events: [
      { type: 'text', text: 'a' },
      { type: 'finish', reason: 'length' },
    ],
    blocks: [beginText(0), textDelta(0, 'a'), end(0)],
    content: [{ type: 'text', text: 'a' }],
    stop: because('max_tokens'),
  },
  {
    name: 'a refusal',
    events: [{ type: 'finish', reason: 'content_filter' }],
    blocks: [],
    content: [],
    stop: { ...because('refusal'), stop_details: { type: 'refusal', category: null, explanation: null } },
    counted: { input_tokens: 2, cache_read_input_tokens: 8 },
  },
  {
    name: 'a finish with calls that has none',
    events: [
      { type: 'text', text: 'a' },
      { type: 'finish', reason: 'tool_calls' },
    ],
    blocks: [beginText(0), textDelta(0, 'a'), end(0)],
    content: [{ type: 'text', text: 'a' }],
    stop: because('end_turn'),
  },
];

describe('an answer of', () => {
  for (const { name, events, request = {}, blocks, content, stop, counted = GUESSED } of GOLDEN)
    test(`${name} is streamed to the letter, and whole it says the same`, async (context) => {
      const started = await start(context, ...events, USAGE);
      const { text, end, message } = await readStream(started, request);
      assert.equal(end, 'whole');
      const id = message?.id;
      assert.match(String(id), /^msg_[0-9a-z]{26}$/);
      const empty = { type: 'message', role: 'assistant', model: 'm', content: [], ...because('x'), stop_reason: null };
      assert.equal(
        text,
        [
          { type: 'message_start', message: { id, ...empty, usage: { ...ZERO, ...counted } } },
          { type: 'ping' },
          ...blocks,
          { type: 'message_delta', delta: stop, usage: COUNTED },
          { type: 'message_stop' },
        ]
          .map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
          .join(''),
      );
      assert.deepEqual(message?.content, content);

      const { service, key } = started;
      const json = { ...ASK, ...request };
      const whole = await callJson<Record<string, unknown>>(service, 'POST', `${PATH}?beta=true`, { key, json });
      const { id: other, ...body } = whole.body;
      assert.equal(whole.status, 200);
      assert.match(String(whole.headers['request-id']), /^req_/);
      assert.equal(whole.headers['request-id'], whole.headers['x-request-id']);
      assert.notEqual(other, id);
      assert.deepEqual(body, { ...empty, content, ...stop, usage: COUNTED });
    });
});

test('the beginning of a parallel call is not held back longer than the call before it lasts', async (context) => {
  const started = await start(
    context,
    { type: 'tool_call', index: 0, id: 'a', name: 'bash', arguments: '{"a":1}', complete: false },
    { type: 'tool_call', index: 1, id: 'b', name: 'bash', arguments: '{"b"', complete: false },
    { type: 'tool_call', index: 1, arguments: ':2}', complete: false },
    { type: 'tool_call', index: 0, complete: true },
    { type: 'tool_call', index: 1, complete: true },
    { type: 'finish', reason: 'tool_calls' },
  );
  const { text } = await readStream(started);
  assert.match(text, /"partial_json":"\{\\"b\\""\}\}[\s\S]*"partial_json":":2\}"/);
});

test('an engine that counts early is heard at the beginning', async (context) => {
  const started = await start(context, USAGE, { type: 'text', text: 'a' }, { type: 'finish', reason: 'stop' });
  const { text, message } = await readStream(started);
  assert.match(
    text,
    /^event: message_start\n.*"usage":\{"input_tokens":2,.*"cache_read_input_tokens":8,"output_tokens":0\}/,
  );
  assert.deepEqual(message?.usage, COUNTED);
});

test('tokens that no engine counted are guessed, the same for the prompt as where they are asked for', async (context) => {
  const started = await start(context, { type: 'text', text: 'x'.repeat(35) }, { type: 'finish', reason: 'stop' });
  const { message } = await readStream(started);
  const { service, key } = started;
  const counted = await callJson<object>(service, 'POST', `${PATH}/count_tokens`, { key, json: ASK });
  assert.deepEqual(counted.body, { input_tokens: 5 });
  assert.deepEqual(message?.usage, { ...ZERO, input_tokens: 5, output_tokens: 10 });
});
