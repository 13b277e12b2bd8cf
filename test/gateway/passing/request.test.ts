// Shows which requests may pass as they are, and that the others are left to the way on which they are read whole.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { affinityOf } from '../../../src/backends/routing/affinity.ts';
import { passingRequest } from '../../../src/gateway/passing/request.ts';

const USER = { role: 'user', content: 'hi' };
const CALL = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
const TOOLS = [{ type: 'function', function: { name: 'f', parameters: {} } }];
const asked = (body: object) => passingRequest(Buffer.from(JSON.stringify(body)));
const CHAT = { model: 'm', messages: [USER] };
const OPENING = affinityOf({ messages: [{ role: 'user', content: USER.content }] });

test('a plain request passes untouched', () => {
  const body = Buffer.from(JSON.stringify({ ...CHAT, top_k: 5, unknown: { a: 1 } }));
  const { has, ...passing } = passingRequest(body) ?? assert.fail();
  assert.deepEqual([has('top_k'), has('unknown'), has('a')], [true, true, false]);
  assert.deepEqual(passing, {
    model: 'm',
    streamed: false,
    promptBytes: body.length,
    opening: OPENING,
    maxTokens: undefined,
    body,
    hidesUsage: false,
  });
});

test('a streamed one asks for the usage, which is kept back where the client did not ask', () => {
  const body = Buffer.from(JSON.stringify({ ...CHAT, stream: true, max_tokens: 7 }));
  const { has, ...passing } = passingRequest(body) ?? assert.fail();
  assert.equal(has('max_tokens'), true);
  assert.deepEqual(
    { ...passing, body: JSON.parse(String(passing.body)) as unknown },
    {
      model: 'm',
      streamed: true,
      promptBytes: body.length,
      opening: OPENING,
      maxTokens: 7,
      body: { ...CHAT, stream: true, max_tokens: 7, stream_options: { include_usage: true } },
      hidesUsage: true,
    },
  );
  const own = { ...CHAT, stream: true, stream_options: { include_usage: true } };
  assert.deepEqual([asked(own)?.hidesUsage, JSON.parse(String(asked(own)?.body))], [false, own]);
});

describe('a conversation passes', () => {
  const passes: Readonly<Record<string, readonly object[]>> = {
    'with a system message first': [{ role: 'system', content: 's' }, USER],
    'with answers between': [USER, { role: 'assistant', content: 'a' }, USER],
    'with results in the order of the calls': [
      USER,
      { role: 'assistant', content: null, tool_calls: [CALL, { ...CALL, id: 'c2' }] },
      { role: 'tool', tool_call_id: 'c1', content: 'x' },
      { role: 'tool', tool_call_id: 'c2', content: 'y' },
    ],
    'with pictures of the user': [{ role: 'user', content: [{ type: 'text', text: 'a' }] }],
  };
  for (const [name, messages] of Object.entries(passes))
    test(name, () => assert.equal(asked({ ...CHAT, messages, tools: TOOLS, stream: true })?.model, 'm'));
});

describe('a request is left to be read whole', () => {
  const slow: Readonly<Record<string, object>> = {
    'with tools and no stream': { ...CHAT, tools: TOOLS },
    'with an empty list of tools': { ...CHAT, tools: [], stream: true },
    'with several choices': { ...CHAT, n: 2 },
    'with a developer': { ...CHAT, messages: [{ role: 'developer', content: 's' }, USER] },
    'with two turns of the user': { ...CHAT, messages: [USER, USER] },
    'with a system message later': { ...CHAT, messages: [USER, { role: 'system', content: 's' }] },
    'with a result without its call': { ...CHAT, messages: [USER, { role: 'tool', tool_call_id: 'c', content: '' }] },
    'with a call without its result': { ...CHAT, messages: [USER, { role: 'assistant', tool_calls: [CALL] }] },
    'with an empty answer': { ...CHAT, messages: [USER, { role: 'assistant', content: ' ' }, USER] },
    'with an unknown role': { ...CHAT, messages: [{ role: 'function', content: '' }] },
    'without messages': { model: 'm' },
    'with no message': { model: 'm', messages: [] },
    'with a model that is no text': { ...CHAT, model: 5 },
    'with a stream that is no switch': { ...CHAT, stream: 'yes' },
    'with a limit that is no number': { ...CHAT, max_tokens: '7' },
    'with options of a stream and no stream': { ...CHAT, stream_options: { include_usage: true } },
    'that wants no usage': { ...CHAT, stream: true, stream_options: { include_usage: false } },
    'of the old form': { ...CHAT, functions: [] },
    'with results as parts': {
      ...CHAT,
      messages: [
        USER,
        { role: 'assistant', tool_calls: [CALL] },
        { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'x' }] },
      ],
    },
  };
  for (const [name, body] of Object.entries(slow)) test(name, () => assert.equal(asked(body), undefined));
});
