// Freeform tools of chat clients: shown to the engine as functions, and their calls told as the text that they are.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import OpenAI from 'openai';
import type { ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources';
import type { ChatRequest } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { chatRequestOf } from '../../src/gateway/chat/request.ts';
import { chatBodySchema } from '../../src/gateway/chat/schema.ts';
import { parseInput } from '../../src/gateway/parse.ts';
import { passingRequest } from '../../src/gateway/passing/request.ts';
import { says, startService } from './service.ts';

const ASK = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };
const PATCH: ChatCompletionTool = { type: 'custom', custom: { name: 'patch', description: 'Patches.' } };
const ADD: ChatCompletionTool = { type: 'function', function: { name: 'add' } };
const HOW = 'Give the whole text for the tool as the field "input".';
const TEXT = '*** Begin "Patch"\n+ö 😀\\\n*** End';

function ours(changes: object): Omit<ChatRequest, 'model'> {
  const { model: _, ...rest } = chatRequestOf(parseInput(chatBodySchema, { ...ASK, ...changes }), undefined);
  return rest;
}

const shown = (name: string, description: string) => ({
  name,
  description,
  parameters: {
    type: 'object',
    properties: { input: { type: 'string', description: 'The whole text for the tool, as it is.' } },
    required: ['input'],
    additionalProperties: false,
  },
});

describe('the engine is shown', () => {
  test('a function with one text, whose description says what it must be', () => {
    const grammar = { definition: 'start: /a+/', syntax: 'lark' };
    const formats = [undefined, null, { type: 'text' }, { type: 'grammar', grammar }];
    const tools = formats.map((format, at) => ({ type: 'custom', custom: { name: `t${at}`, format } }));
    assert.deepEqual(ours({ tools }).tools, [
      ...['t0', 't1', 't2'].map((name) => shown(name, HOW)),
      shown('t3', `${HOW}\n\nThe text must match this lark grammar:\nstart: /a+/`),
    ]);
  });

  test('the choice of one by its name, and some of them', () => {
    const custom = { type: 'custom', custom: { name: 'patch' } };
    const tools = [ADD, PATCH];
    assert.deepEqual(ours({ tools, tool_choice: custom }).toolChoice, { name: 'patch' });
    const allowed = { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [custom] } };
    const { tools: offered, toolChoice } = ours({ tools, tool_choice: allowed });
    assert.deepEqual([offered, toolChoice], [[shown('patch', `Patches.\n\n${HOW}`)], 'required']);
  });

  test('earlier calls as calls of that function', () => {
    const { messages } = ours({
      messages: [
        ...ASK.messages,
        { role: 'assistant', tool_calls: [{ id: 'c', type: 'custom', custom: { name: 'patch', input: TEXT } }] },
        { role: 'tool', tool_call_id: 'c', content: 'done' },
      ],
    });
    assert.deepEqual(messages.slice(1), [
      {
        role: 'assistant',
        content: '',
        toolCalls: [{ id: 'c', name: 'patch', arguments: JSON.stringify({ input: TEXT }) }],
      },
      { role: 'tool', callId: 'c', content: 'done' },
    ]);
  });
});

test('a request with a freeform tool never passes as bytes: no engine knows them', () => {
  const bytes = (tools: readonly object[]) => Buffer.from(JSON.stringify({ ...ASK, stream: true, tools }));
  assert.equal(passingRequest(bytes([ADD, PATCH])), undefined);
  assert.notEqual(passingRequest(bytes([ADD])), undefined);
});

test('what is no freeform tool is refused with its place', () => {
  const told = (changes: object) => {
    try {
      return ours(changes);
    } catch (error) {
      return (error as Error).message;
    }
  };
  const tool = (custom: object) => ({ tools: [{ type: 'custom', custom }] });
  assert.deepEqual(
    [
      told({ tools: [{ type: 'custom' }] }),
      told(tool({ name: '' })),
      told(tool({ name: 'a', format: { type: 'xml' } })),
      told(tool({ name: 'a', format: { type: 'grammar' } })),
      told({ tools: [PATCH], tool_choice: { type: 'custom', custom: { name: 'other' } } }),
      told({ messages: [{ role: 'assistant', tool_calls: [{ type: 'custom', custom: { name: 'a' } }] }] }),
      told({ messages: [{ role: 'assistant', tool_calls: [{ type: 'dance' }] }] }),
    ],
    [
      'tools[0].custom: Invalid input: expected object, received undefined',
      'tools[0].custom.name: Too small: expected string to have >=1 characters',
      'tools[0].custom.format.type: expected a format of type text or grammar',
      'tools[0].custom.format.grammar: Invalid input: expected object, received undefined',
      'tool_choice: there is no tool with the name "other"',
      'messages[0].tool_calls[0].custom.input: Invalid input: expected string, received undefined',
      'messages[0].tool_calls[0].type: only calls of type function and custom are known here',
    ],
  );
});

/** A call of each kind, one after the other; the text of the freeform one comes in pieces of so many characters. */
function calls(size: number): readonly ModelEvent[] {
  const json = JSON.stringify({ input: TEXT });
  const pieces = Array.from({ length: Math.ceil(json.length / size) }, (_, at) =>
    json.slice(at * size, (at + 1) * size),
  );
  return [
    { type: 'tool_call', index: 0, id: 'c1', name: 'patch', complete: false },
    ...pieces.map((piece) => ({ type: 'tool_call', index: 0, arguments: piece, complete: false }) as const),
    { type: 'tool_call', index: 0, complete: true },
    { type: 'tool_call', index: 1, id: 'c2', name: 'add', arguments: '{"a":1}', complete: true },
    { type: 'finish', reason: 'tool_calls' },
  ];
}

const CALLED = [
  { id: 'c1', type: 'custom', custom: { name: 'patch', input: TEXT } },
  { id: 'c2', type: 'function', function: { name: 'add', arguments: '{"a":1}' } },
];

interface Piece {
  readonly id?: string;
  readonly type?: string;
  readonly custom?: { readonly name?: string; readonly input?: string };
}

/** Of the first call of the first answer. */
function piecesOf({ choices: [choice] }: ChatCompletionChunk): readonly Piece[] {
  if (choice?.index !== 0) return [];
  return (choice.delta.tool_calls ?? []).filter(({ index }) => index === 0);
}

describe('the official client gets the call as its text', () => {
  for (const size of [1, 3, 1000])
    test(`in pieces of ${size}, streamed and whole, once and twice`, async (context) => {
      const service = await startService(context, { model: says(...calls(size)) });
      const apiKey = await service.key(['client']);
      const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey, maxRetries: 0 });
      const wish = { ...ASK, tools: [PATCH, ADD], n: size === 1000 ? 2 : 1 };
      const { choices } = await client.chat.completions.create(wish);
      for (const { message, finish_reason: finish } of choices)
        assert.deepEqual([message.tool_calls, message.content, finish], [CALLED, null, 'tool_calls']);
      assert.equal(choices.length, wish.n);
      const pieces: Piece[] = [];
      for await (const chunk of await client.chat.completions.create({ ...wish, stream: true }))
        pieces.push(...piecesOf(chunk));
      const [first, ...rest] = pieces;
      assert.deepEqual([first?.id, first?.type, first?.custom?.name], ['c1', 'custom', 'patch']);
      for (const { id, type, custom } of rest)
        assert.deepEqual([id, type, custom?.name], [undefined, undefined, undefined]);
      const told = pieces.map(({ custom }) => custom?.input ?? '');
      assert.equal(told.join(''), TEXT);
      if (size === 1) assert.ok(told.length > 10, `the text came in ${told.length} pieces only`);
    });
});

test('what the model wrote beside the field is told when the call is whole', async (context) => {
  const model = says(
    { type: 'tool_call', index: 0, id: 'c1', name: 'patch', arguments: '{"text":"odd', complete: false },
    { type: 'tool_call', index: 0, arguments: '"}', complete: true },
    { type: 'finish', reason: 'tool_calls' },
  );
  const service = await startService(context, { model });
  const client = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: await service.key(['client']), maxRetries: 0 });
  const messages: ChatCompletionMessageParam[] = ASK.messages;
  const pieces: Piece[] = [];
  for await (const chunk of await client.chat.completions.create({
    model: 'm',
    messages,
    tools: [PATCH],
    stream: true,
  }))
    pieces.push(...piecesOf(chunk));
  assert.equal(pieces.map(({ custom }) => custom?.input ?? '').join(''), 'odd');
});
