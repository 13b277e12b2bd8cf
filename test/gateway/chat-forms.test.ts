// Shows the forms in which chat clients say the same, and what each becomes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChatRequest } from '../../src/contracts/messages.ts';
import { chatRequestOf } from '../../src/gateway/chat/request.ts';
import { chatBodySchema } from '../../src/gateway/chat/schema.ts';
import { parseInput } from '../../src/gateway/parse.ts';

const ASK = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const TOOLS = ['f', 'g'].map((name) => ({ type: 'function', function: { name } }));
const EMPTY = { type: 'object', properties: {} };
const SHOWN = ['f', 'g'].map((name) => ({ name, description: '', parameters: EMPTY }));

function ours(changes: object): Omit<ChatRequest, 'model' | 'messages'> {
  const {
    model: _,
    messages: __,
    ...rest
  } = chatRequestOf(parseInput(chatBodySchema, { ...ASK, ...changes }), undefined);
  return rest;
}

function messages(...given: readonly object[]): ChatRequest['messages'] {
  return chatRequestOf(parseInput(chatBodySchema, { ...ASK, messages: given }), undefined).messages;
}

test('a choice among tools is taken in every form', () => {
  const chosen = (choice: unknown) => ours({ tools: TOOLS, tool_choice: choice });
  const named = { type: 'function', function: { name: 'g' } };
  const allowed = (mode: string) => ({ type: 'allowed_tools', allowed_tools: { mode, tools: [named] } });
  assert.deepEqual(['auto', 'none', 'required', 'any', { type: 'auto' }, { type: 'any' }, named, null].map(chosen), [
    ...['auto', 'none', 'required', 'required', 'auto', 'required', { name: 'g' }].map((toolChoice) => ({
      tools: SHOWN,
      toolChoice,
    })),
    { tools: SHOWN },
  ]);
  assert.deepEqual(
    ['auto', 'required'].map((mode) => chosen(allowed(mode))),
    ['auto', 'required'].map((toolChoice) => ({ tools: SHOWN.slice(1), toolChoice })),
  );
  assert.deepEqual(ours({ tools: TOOLS, parallel_tool_calls: false }), { tools: SHOWN, parallelToolCalls: false });
});

test('functions are tools of which one is called at most', () => {
  const functions = [{ name: 'f' }, { name: 'g' }];
  const one = { tools: SHOWN, parallelToolCalls: false };
  assert.deepEqual(ours({ functions }), one);
  assert.deepEqual(ours({ functions, function_call: 'none' }), { ...one, toolChoice: 'none' });
  assert.deepEqual(ours({ functions, function_call: { name: 'g' } }), { ...one, toolChoice: { name: 'g' } });
  const call = { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } };
  const result = { role: 'function', name: 'f', content: 'done' };
  const shown = (id: string) => [
    { role: 'assistant', content: '', toolCalls: [{ id, name: 'f', arguments: '{"a":1}' }] },
    { role: 'tool', callId: id, content: 'done' },
  ];
  assert.deepEqual(messages(call, result, call, result), [...shown('call_0'), ...shown('call_2')]);
});

test('the wish to think is taken in the words of every dialect', () => {
  assert.deepEqual(
    [
      { reasoning_effort: 'max' },
      { reasoning_effort: 'of_tomorrow' },
      { reasoning: { effort: 'low', max_tokens: 5, enabled: true } },
      { thinking: { type: 'disabled' } },
      { thinking: { type: 'enabled', budget_tokens: 9 } },
      { enable_thinking: false },
      { thinking_token_budget: 7 },
      { reasoning: 'much' },
    ].map((changes) => ours(changes)),
    [
      { thinking: { effort: 'xhigh' } },
      {},
      { thinking: { enabled: true, effort: 'low', budgetTokens: 5 } },
      { thinking: { enabled: false } },
      { thinking: { enabled: true, budgetTokens: 9 } },
      { thinking: { enabled: false } },
      { thinking: { budgetTokens: 7 } },
      {},
    ],
  );
  const kwargs = { chat_template_kwargs: { enable_thinking: false } };
  assert.deepEqual(ours(kwargs), { extra: kwargs });
});

test('the form of the answer, log-probabilities and penalties reach the engine', () => {
  const schema = { type: 'object' };
  const form = (json_schema: object) => ours({ response_format: { type: 'json_schema', json_schema } });
  assert.deepEqual(
    [
      form({ name: 'n', schema, strict: true }),
      form({ schema }),
      ours({ response_format: { type: 'json_object' } }),
      ours({ response_format: { type: 'text' } }),
      ours({ logprobs: true, top_logprobs: 3 }),
      ours({ logprobs: true }),
      ours({ top_logprobs: 2 }),
      ours({ logprobs: false, top_logprobs: 0 }),
      ours({ presence_penalty: 1, frequency_penalty: -1, top_k: -1, stop: ['', 'a'] }),
      ours({ stop: '' }),
    ],
    [
      { responseFormat: { type: 'json_schema', name: 'n', schema, strict: true } },
      { responseFormat: { type: 'json_schema', name: 'answer', schema } },
      { responseFormat: { type: 'json' } },
      {},
      { logprobs: 3 },
      { logprobs: 0 },
      { logprobs: 2 },
      {},
      { presencePenalty: 1, frequencyPenalty: -1, topK: -1, stop: ['a'] },
      {},
    ],
  );
});

describe('of messages', () => {
  test('answers may leave out what they do not have, and parts are read by their text', () => {
    assert.deepEqual(
      messages(
        { role: 'assistant', tool_calls: [{ function: { name: 'f' } }] },
        { role: 'tool', content: null },
        { role: 'assistant', content: null, refusal: 'never' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }], reasoning: 'hm', reasoning_content: 'x' },
        {
          role: 'user',
          name: 'ann',
          content: [
            { type: 'text', text: 'a' },
            { type: 'of_tomorrow', text: 'b' },
          ],
        },
        { role: 'user', content: [{ type: 'input_audio', input_audio: {} }] },
        { role: 'tool', tool_call_id: 'a', content: [{ type: 'image_url', image_url: 'data:,' }] },
      ),
      [
        { role: 'assistant', content: '', toolCalls: [{ id: '', name: 'f', arguments: '{}' }] },
        { role: 'tool', callId: '', content: '' },
        { role: 'assistant', content: 'never' },
        { role: 'assistant', content: 'no', reasoning: 'hm' },
        { role: 'user', content: 'ab' },
        { role: 'user', content: '[A part of type input_audio is left out here: only text and images can be read.]' },
        { role: 'tool', callId: 'a', content: [{ type: 'image', url: 'data:,' }] },
      ],
    );
  });
});
