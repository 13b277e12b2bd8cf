// Shows what a Responses request becomes for the engine.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import { callJson } from '../http.ts';
import { STOP } from './goldens.ts';
import { ASK, PATH, start, whole } from './streams.ts';

interface Case {
  readonly name: string;
  readonly body: object;
  readonly chat: Partial<ChatRequest>;
}

const F = {
  type: 'function',
  name: 'f',
  description: 'does f',
  parameters: { type: 'object', properties: {} },
  strict: false,
};
const SHOWN_F = { name: 'f', description: 'does f', parameters: { type: 'object', properties: {} } };
const SHOWN_G = { name: 'g', description: '', parameters: { type: 'object', properties: {} } };
const G = { type: 'function', name: 'g' };
const freeform = (name: string, description: string) => ({
  name,
  description,
  parameters: {
    type: 'object',
    properties: { input: { type: 'string', description: 'The whole text for the tool, as it is.' } },
    required: ['input'],
    additionalProperties: false,
  },
});
const user = (content: string) => ({ role: 'user' as const, content });
const HI = [user('hi')];
const call = (call_id: string, name = 'f') => ({ type: 'function_call', call_id, name, arguments: '{}' });
const result = (call_id: string, output: unknown) => ({ type: 'function_call_output', call_id, output });
const shownCall = (id: string, name = 'f', text = '{}') => ({ id, name, arguments: text });
const shownResult = (callId: string, content: string) => ({ role: 'tool' as const, callId, content });

const CASES: readonly Case[] = [
  { name: 'a text', body: {}, chat: { messages: HI } },
  {
    name: 'instructions before messages of every role, with parts of every kind',
    body: {
      instructions: 'be short',
      input: [
        {
          type: 'message',
          role: 'developer',
          content: [
            { type: 'input_text', text: 'a' },
            { type: 'input_text', text: 'b' },
          ],
        },
        { role: 'system', content: 'c' },
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'see' },
            { type: 'input_image', image_url: 'data:image/png;base64,AA', detail: 'low' },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'no', annotations: [] },
            { type: 'refusal', refusal: ', never' },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'why' },
            { type: 'of_tomorrow', x: 1 },
          ],
        },
      ],
    },
    chat: {
      messages: [
        { role: 'system', content: 'be short\n\na\nb\n\nc' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'see' },
            { type: 'image', url: 'data:image/png;base64,AA' },
          ],
        },
        { role: 'assistant', content: 'no, never' },
        user('why'),
      ],
    },
  },
  {
    name: 'thinking, text and parallel calls in a row as one turn, results in the order of the calls',
    body: {
      input: [
        user('hi'),
        {
          type: 'reasoning',
          id: 'rs_1',
          summary: [{ type: 'summary_text', text: 'short' }],
          content: [{ type: 'reasoning_text', text: 'long' }],
          encrypted_content: null,
        },
        { type: 'message', role: 'assistant', content: 'I call', id: 'msg_1', status: 'completed' },
        call('a'),
        call('b'),
        { type: 'local_shell_call', call_id: 'x', action: {} },
        { type: 'web_search_call', id: 'ws' },
        { type: 'of_tomorrow' },
        result('b', [{ type: 'input_text', text: 'B' }]),
        result('a', 'A'),
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'only a summary' }] },
        call('c'),
        result('c', { ok: true }),
        { type: 'reasoning', summary: [] },
        user('so?'),
      ],
    },
    chat: {
      messages: [
        user('hi'),
        { role: 'assistant', content: 'I call', reasoning: 'long', toolCalls: [shownCall('a'), shownCall('b')] },
        shownResult('a', 'A'),
        shownResult('b', 'B'),
        { role: 'assistant', content: '', reasoning: 'only a summary', toolCalls: [shownCall('c')] },
        shownResult('c', '{"ok":true}'),
        user('so?'),
      ],
    },
  },
  {
    name: 'a result that comes late, behind its call, and one with an image',
    body: {
      input: [
        user('hi'),
        call('a'),
        user('wait'),
        result('a', [
          { type: 'input_text', text: 'see' },
          { type: 'input_image', image_url: 'http://x/y.png' },
        ]),
      ],
    },
    chat: {
      messages: [
        user('hi'),
        { role: 'assistant', content: '', toolCalls: [shownCall('a')] },
        {
          role: 'tool',
          callId: 'a',
          content: [
            { type: 'text', text: 'see' },
            { type: 'image', url: 'http://x/y.png' },
          ],
        },
        user('wait'),
      ],
    },
  },
  {
    name: 'calls of freeform tools and of tools in namespaces under the names that the model knows',
    body: {
      input: [
        user('hi'),
        { type: 'custom_tool_call', call_id: 'a', name: 'patch', input: '*** "x"\n' },
        { type: 'custom_tool_call_output', call_id: 'a', output: 'ok' },
        { ...call('b', 'read'), namespace: 'files' },
        result('b', ''),
      ],
    },
    chat: {
      messages: [
        user('hi'),
        { role: 'assistant', content: '', toolCalls: [shownCall('a', 'patch', '{"input":"*** \\"x\\"\\n"}')] },
        shownResult('a', 'ok'),
        { role: 'assistant', content: '', toolCalls: [shownCall('b', 'files__read')] },
        shownResult('b', ''),
      ],
    },
  },
  {
    name: 'functions, freeform tools and namespaces, and nothing of the tools that only the vendor runs',
    body: {
      tools: [
        F,
        { ...G, strict: true },
        { type: 'custom', name: 'c', description: 'does c' },
        { type: 'custom', name: 'p', format: { type: 'grammar', syntax: 'lark', definition: 'start: "a"' } },
        {
          type: 'namespace',
          name: 'n',
          description: 'd',
          tools: [G, { type: 'custom', name: 'c' }, { type: 'later' }],
        },
        { type: 'web_search' },
        { type: 'image_generation' },
        { type: 'local_shell' },
        { type: 'tool_search' },
        { type: 'of_tomorrow', name: 5 },
      ],
      parallel_tool_calls: false,
    },
    chat: {
      messages: HI,
      tools: [
        SHOWN_F,
        { ...SHOWN_G, strict: true },
        freeform('c', 'does c\n\nGive the whole text for the tool as the field "input".'),
        freeform(
          'p',
          'Give the whole text for the tool as the field "input".\n\nThe text must match this lark grammar:\nstart: "a"',
        ),
        { ...SHOWN_G, name: 'n__g' },
        freeform('n__c', 'Give the whole text for the tool as the field "input".'),
      ],
      parallelToolCalls: false,
    },
  },
  {
    name: 'tools that are declared among the items, the last time counting',
    body: {
      input: [
        { type: 'additional_tools', role: 'developer', tools: [F, G] },
        user('hi'),
        { type: 'additional_tools', role: 'developer', tools: [{ ...F, description: 'better' }] },
      ],
    },
    chat: { messages: HI, tools: [{ ...SHOWN_F, description: 'better' }, SHOWN_G] },
  },
  {
    name: 'no list of tools where there are none, and no choice among them',
    body: { tools: [], tool_choice: 'auto', parallel_tool_calls: false },
    chat: { messages: HI },
  },
  {
    name: 'a choice in a word',
    body: { tools: [F], tool_choice: 'required' },
    chat: { messages: HI, tools: [SHOWN_F], toolChoice: 'required' },
  },
  {
    name: 'a choice by name',
    body: { tools: [F, { type: 'custom', name: 'c' }], tool_choice: { type: 'custom', name: 'c' } },
    chat: {
      messages: HI,
      tools: [SHOWN_F, freeform('c', 'Give the whole text for the tool as the field "input".')],
      toolChoice: { name: 'c' },
    },
  },
  {
    name: 'a choice among some',
    body: {
      tools: [F, G],
      tool_choice: { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'g' }] },
    },
    chat: { messages: HI, tools: [SHOWN_G], toolChoice: 'required' },
  },
  {
    name: 'a choice among some that are not here',
    body: {
      tools: [F],
      tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'mcp', server_label: 's' }] },
    },
    chat: { messages: HI, tools: [SHOWN_F], toolChoice: 'none' },
  },
  {
    name: 'all that shapes the answer',
    body: {
      temperature: 0,
      top_p: 0.5,
      max_output_tokens: 7,
      reasoning: { effort: 'xhigh', summary: 'auto' },
      text: { format: { type: 'json_schema', name: 's', schema: { type: 'object' }, strict: true }, verbosity: 'low' },
      include: ['message.output_text.logprobs', 'reasoning.encrypted_content', 'of.tomorrow'],
      top_logprobs: 3,
      prompt_cache_key: 'k',
    },
    chat: {
      messages: HI,
      temperature: 0,
      topP: 0.5,
      maxTokens: 7,
      thinking: { effort: 'xhigh' },
      responseFormat: { type: 'json_schema', name: 's', schema: { type: 'object' }, strict: true },
      logprobs: 3,
      affinity: 'k',
    },
  },
  {
    name: 'nothing of what it cannot use, whatever it is',
    body: {
      reasoning: { effort: 'ultra', summary: 5 },
      text: { format: { type: 'text' }, verbosity: 7 },
      metadata: 3,
      truncation: 'sometimes',
      client_metadata: { a: 1 },
      stream_options: { include_obfuscation: true },
      background: false,
      conversation: null,
      prompt: null,
      user: {},
      of_tomorrow: [],
    },
    chat: { messages: HI },
  },
  {
    name: 'JSON as the form, and null for everything that may be absent',
    body: {
      text: { format: { type: 'json_object' } },
      instructions: null,
      tools: null,
      tool_choice: null,
      temperature: null,
      max_output_tokens: null,
      reasoning: null,
      include: null,
      previous_response_id: null,
      store: null,
      stream: null,
    },
    chat: { messages: HI, responseFormat: { type: 'json' } },
  },
];

test('the engine is asked for', async (context) => {
  const { service, key } = await start(context, STOP);
  for (const { name, body, chat } of CASES)
    await context.test(name, async () => {
      await whole(service, key, { ...ASK, ...body });
      assert.deepEqual(service.asked.at(-1)?.request, { model: 'm', ...chat });
    });

  await context.test('a conversation that a header names, near its cache', async () => {
    await callJson(service, 'POST', PATH, { key, json: ASK, headers: { 'session-id': 's1' } });
    assert.deepEqual(service.asked.at(-1)?.request, { model: 'm', messages: HI, affinity: 's1' });
  });
});
