// Shows the streams of the Responses dialect to the letter, and that the whole answer says the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelEvent, ToolCallEvent } from '../../../src/contracts/model-events.ts';
import type { Fields } from './checker.ts';
import { ASK, finalOf, plain, start, stream, whole } from './streams.ts';

const USAGE: ModelEvent = { type: 'usage', promptTokens: 10, completionTokens: 5, cachedTokens: 8, reasoningTokens: 2 };
const STOP: ModelEvent = { type: 'finish', reason: 'stop' };
const PATCH = { type: 'custom', name: 'apply_patch', description: 'Edits files.' };

interface Golden {
  readonly name: string;
  readonly events: readonly ModelEvent[];
  readonly request?: object;
  /** Events between the two that begin a stream and the one that ends it, without their numbers. */
  readonly told: readonly Fields[];
  readonly status?: string;
  readonly incomplete?: object;
}

const added = (output_index: number, item: object) => ({ type: 'response.output_item.added', output_index, item });
const done = (output_index: number, item: object) => ({ type: 'response.output_item.done', output_index, item });
const textPart = (text: string, logprobs: readonly object[] = []) => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs,
});
const message = (id: string, status: string, content: readonly object[]) => ({
  id,
  type: 'message',
  status,
  role: 'assistant',
  content,
});

/** The events of a text in pieces. */
function spoken(index: number, id: string, pieces: readonly string[], status = 'completed'): readonly Fields[] {
  const at = { item_id: id, output_index: index, content_index: 0 };
  const text = pieces.join('');
  return [
    added(index, message(id, 'in_progress', [])),
    { type: 'response.content_part.added', ...at, part: textPart('') },
    ...pieces.map((delta) => ({ type: 'response.output_text.delta', ...at, delta, logprobs: [] })),
    { type: 'response.output_text.done', ...at, text, logprobs: [] },
    { type: 'response.content_part.done', ...at, part: textPart(text) },
    done(index, message(id, status, [textPart(text)])),
  ];
}

/** The events of a function call in pieces. */
function called(
  index: number,
  id: string,
  call: { readonly call_id: string; readonly name: string },
  ...json: string[]
) {
  const at = { item_id: id, output_index: index };
  const item = (status: string, text: string) => ({ id, type: 'function_call', status, ...call, arguments: text });
  return [
    added(index, item('in_progress', '')),
    ...json.map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
    { type: 'response.function_call_arguments.done', ...at, name: call.name, arguments: json.join('') },
    done(index, item('completed', json.join(''))),
  ];
}

const call = (index: number, id: string, name: string, text: string): ToolCallEvent => ({
  type: 'tool_call',
  index,
  id,
  name,
  arguments: text,
  complete: false,
});
const more = (index: number, text: string): ToolCallEvent => ({
  type: 'tool_call',
  index,
  arguments: text,
  complete: false,
});
const closed = (index: number): ToolCallEvent => ({ type: 'tool_call', index, complete: true });

const GOLDEN: readonly Golden[] = [
  {
    name: 'text',
    events: [{ type: 'text', text: 'Hel' }, { type: 'text', text: 'lo "ö"\n' }, STOP],
    told: spoken(0, 'msg_1', ['Hel', 'lo "ö"\n']),
  },
  {
    name: 'thinking before text',
    events: [
      { type: 'reasoning', text: 'hm, ' },
      { type: 'reasoning', text: 'ja' },
      { type: 'text', text: 'yes' },
      STOP,
    ],
    told: [
      added(0, { id: 'rs_1', type: 'reasoning', status: 'in_progress', summary: [], content: [] }),
      {
        type: 'response.content_part.added',
        item_id: 'rs_1',
        output_index: 0,
        content_index: 0,
        part: { type: 'reasoning_text', text: '' },
      },
      { type: 'response.reasoning_text.delta', item_id: 'rs_1', output_index: 0, content_index: 0, delta: 'hm, ' },
      { type: 'response.reasoning_text.delta', item_id: 'rs_1', output_index: 0, content_index: 0, delta: 'ja' },
      { type: 'response.reasoning_text.done', item_id: 'rs_1', output_index: 0, content_index: 0, text: 'hm, ja' },
      {
        type: 'response.content_part.done',
        item_id: 'rs_1',
        output_index: 0,
        content_index: 0,
        part: { type: 'reasoning_text', text: 'hm, ja' },
      },
      done(0, {
        id: 'rs_1',
        type: 'reasoning',
        status: 'completed',
        summary: [],
        content: [{ type: 'reasoning_text', text: 'hm, ja' }],
      }),
      ...spoken(1, 'msg_1', ['yes']),
    ],
  },
  {
    name: 'thinking with the summary and the encrypted form that were asked for',
    request: { reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'] },
    events: [{ type: 'reasoning', text: 'hm' }, STOP],
    told: [
      added(0, {
        id: 'rs_1',
        type: 'reasoning',
        status: 'in_progress',
        summary: [],
        content: [],
        encrypted_content: null,
      }),
      {
        type: 'response.content_part.added',
        item_id: 'rs_1',
        output_index: 0,
        content_index: 0,
        part: { type: 'reasoning_text', text: '' },
      },
      {
        type: 'response.reasoning_summary_part.added',
        item_id: 'rs_1',
        output_index: 0,
        summary_index: 0,
        part: { type: 'summary_text', text: '' },
      },
      { type: 'response.reasoning_text.delta', item_id: 'rs_1', output_index: 0, content_index: 0, delta: 'hm' },
      {
        type: 'response.reasoning_summary_text.delta',
        item_id: 'rs_1',
        output_index: 0,
        summary_index: 0,
        delta: 'hm',
      },
      { type: 'response.reasoning_text.done', item_id: 'rs_1', output_index: 0, content_index: 0, text: 'hm' },
      {
        type: 'response.content_part.done',
        item_id: 'rs_1',
        output_index: 0,
        content_index: 0,
        part: { type: 'reasoning_text', text: 'hm' },
      },
      { type: 'response.reasoning_summary_text.done', item_id: 'rs_1', output_index: 0, summary_index: 0, text: 'hm' },
      {
        type: 'response.reasoning_summary_part.done',
        item_id: 'rs_1',
        output_index: 0,
        summary_index: 0,
        part: { type: 'summary_text', text: 'hm' },
      },
      done(0, {
        id: 'rs_1',
        type: 'reasoning',
        status: 'completed',
        summary: [{ type: 'summary_text', text: 'hm' }],
        content: [{ type: 'reasoning_text', text: 'hm' }],
        encrypted_content: null,
      }),
    ],
  },
  {
    name: 'one call after text',
    events: [{ type: 'text', text: 'I look.' }, call(3, 'call_a', 'bash', '{"a"'), more(3, ':1}'), closed(3), STOP],
    told: [
      ...spoken(0, 'msg_1', ['I look.']),
      ...called(1, 'fc_1', { call_id: 'call_a', name: 'bash' }, '{"a"', ':1}'),
    ],
  },
  {
    name: 'parallel calls, one after the other even where the engine closes both at its end',
    events: [
      call(0, 'call_a', 'bash', '{"a"'),
      more(0, ':1}'),
      call(1, 'call_b', 'read', ''),
      more(1, '{"b":'),
      more(1, '2}'),
      closed(0),
      closed(1),
      { type: 'finish', reason: 'tool_calls' },
    ],
    told: [
      ...called(0, 'fc_1', { call_id: 'call_a', name: 'bash' }, '{"a"', ':1}'),
      ...called(1, 'fc_2', { call_id: 'call_b', name: 'read' }, '{"b":', '2}'),
    ],
  },
  {
    name: 'calls without ids, or with the same one, which get their own',
    events: [
      { type: 'tool_call', index: 0, name: 'bash', arguments: '{}', complete: true },
      { type: 'tool_call', index: 1, id: 'same', name: 'bash', arguments: '{}', complete: true },
      { type: 'tool_call', index: 2, id: 'same', name: 'bash', arguments: '{}', complete: true },
      STOP,
    ],
    told: [
      ...called(0, 'fc_1', { call_id: 'call_1', name: 'bash' }, '{}'),
      ...called(1, 'fc_2', { call_id: 'same', name: 'bash' }, '{}'),
      ...called(2, 'fc_3', { call_id: 'call_2', name: 'bash' }, '{}'),
    ],
  },
  {
    name: 'text between calls and behind them, in its place',
    events: [
      { type: 'tool_call', index: 0, id: 'a', name: 'bash', arguments: '{}', complete: true },
      { type: 'text', text: 'and' },
      call(1, 'b', 'bash', '{'),
      { type: 'text', text: 'so' },
      more(1, '}'),
      closed(1),
      STOP,
    ],
    told: [
      ...called(0, 'fc_1', { call_id: 'a', name: 'bash' }, '{}'),
      ...spoken(1, 'msg_1', ['and']),
      ...called(2, 'fc_2', { call_id: 'b', name: 'bash' }, '{', '}'),
      ...spoken(3, 'msg_2', ['so']),
    ],
  },
  {
    name: 'a call of a freeform tool, as its text',
    request: { tools: [PATCH] },
    events: [
      call(0, 'call_a', 'apply_patch', '{"inp'),
      more(0, 'ut": "*** Begin\\'),
      more(0, 'n\\ud83d'),
      more(0, '\\ude00 \\"x\\"'),
      more(0, '"}'),
      closed(0),
      STOP,
    ],
    told: [
      added(0, {
        id: 'ctc_1',
        type: 'custom_tool_call',
        status: 'in_progress',
        call_id: 'call_a',
        name: 'apply_patch',
        input: '',
      }),
      ...['*** Begin', '\n', '😀 "x"'].map((delta) => ({
        type: 'response.custom_tool_call_input.delta',
        item_id: 'ctc_1',
        output_index: 0,
        delta,
      })),
      {
        type: 'response.custom_tool_call_input.done',
        item_id: 'ctc_1',
        output_index: 0,
        input: '*** Begin\n😀 "x"',
      },
      done(0, {
        id: 'ctc_1',
        type: 'custom_tool_call',
        status: 'completed',
        call_id: 'call_a',
        name: 'apply_patch',
        input: '*** Begin\n😀 "x"',
      }),
    ],
  },
  {
    name: 'a call of a tool in a namespace, under its own name',
    request: { tools: [{ type: 'namespace', name: 'files', tools: [{ type: 'function', name: 'read' }] }] },
    events: [{ type: 'tool_call', index: 0, id: 'a', name: 'files__read', arguments: '{}', complete: true }, STOP],
    told: [
      added(0, {
        id: 'fc_1',
        type: 'function_call',
        status: 'in_progress',
        call_id: 'a',
        name: 'read',
        namespace: 'files',
        arguments: '',
      }),
      { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 0, delta: '{}' },
      {
        type: 'response.function_call_arguments.done',
        item_id: 'fc_1',
        output_index: 0,
        name: 'read',
        arguments: '{}',
      },
      done(0, {
        id: 'fc_1',
        type: 'function_call',
        status: 'completed',
        call_id: 'a',
        name: 'read',
        namespace: 'files',
        arguments: '{}',
      }),
    ],
  },
  {
    name: 'an answer that ran into the limit',
    events: [
      { type: 'text', text: 'and so' },
      { type: 'finish', reason: 'length' },
    ],
    told: spoken(0, 'msg_1', ['and so'], 'incomplete'),
    status: 'incomplete',
    incomplete: { reason: 'max_output_tokens' },
  },
  {
    name: 'an answer that a filter ended',
    events: [
      { type: 'text', text: 'and so' },
      { type: 'finish', reason: 'content_filter' },
    ],
    told: spoken(0, 'msg_1', ['and so'], 'incomplete'),
    status: 'incomplete',
    incomplete: { reason: 'content_filter' },
  },
  { name: 'an answer of nothing', events: [STOP], told: [] },
];

describe('a streamed answer is, to the letter', () => {
  for (const { name, events, request, told, status = 'completed', incomplete = null } of GOLDEN)
    test(name, async (context) => {
      const { service, key } = await start(context, ...events, USAGE);
      const body = { ...ASK, ...request };
      const heard = plain(await stream(service, key, body));
      const between = heard.slice(2, -1).map(({ sequence_number: _number, ...event }) => event);
      assert.deepEqual(between, told);
      const final = finalOf(heard);
      assert.deepEqual(
        [final['status'], final['incomplete_details'], final['usage']],
        [
          status,
          incomplete,
          {
            input_tokens: 10,
            input_tokens_details: { cached_tokens: 8, cache_write_tokens: 0 },
            output_tokens: 5,
            output_tokens_details: { reasoning_tokens: 2 },
            total_tokens: 15,
          },
        ],
      );
      assert.deepEqual(plain(await whole(service, key, body)), plain(final), 'the whole answer is the same');
    });
});

test('the response object tells back what was asked, and what was not asked as it is', async (context) => {
  const { service, key } = await start(context, { type: 'text', text: 'ja' }, STOP);
  const tools = [
    { type: 'function', name: 'f', parameters: { type: 'object' }, strict: false, later: 1 },
    { type: 'web_search' },
  ];
  const told = {
    instructions: 'be short',
    max_output_tokens: 100,
    max_tool_calls: 3,
    metadata: { a: 'b' },
    parallel_tool_calls: false,
    prompt_cache_key: 'k',
    safety_identifier: 's',
    service_tier: 'flex',
    temperature: 0.5,
    text: { format: { type: 'json_object' }, verbosity: 'low' },
    tool_choice: { type: 'function', name: 'f' },
    tools,
    top_logprobs: 2,
    top_p: 0.9,
    truncation: 'auto',
    user: 'u',
  };
  const { output: _output, ...asked } = plain(
    await whole(service, key, { ...ASK, ...told, reasoning: { effort: 'high', summary: 'concise' }, later: true }),
  );
  const same = {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    completed_at: 1,
    background: false,
    previous_response_id: null,
    model: 'm',
    status: 'completed',
    error: null,
    incomplete_details: null,
    store: false,
    usage: null,
  };
  assert.deepEqual(asked, { ...same, ...told, reasoning: { effort: 'high', summary: 'concise' } });
  const { output: _items, ...unasked } = plain(await whole(service, key, ASK));
  assert.deepEqual(unasked, {
    ...same,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    metadata: {},
    parallel_tool_calls: true,
    prompt_cache_key: null,
    reasoning: { effort: null, summary: null },
    safety_identifier: null,
    service_tier: 'default',
    temperature: 1,
    text: { format: { type: 'text' } },
    tool_choice: 'auto',
    tools: [],
    top_logprobs: 0,
    top_p: 1,
    truncation: 'disabled',
    user: null,
  });
});

test('log-probabilities of the text come with it, whether the engine tells them before it or after', async (context) => {
  const token = (text: string, bytes: readonly number[] | null = null) => ({
    token: text,
    logprob: -0.5,
    bytes,
    top: [],
  });
  const { service, key } = await start(
    context,
    { type: 'logprobs', tokens: [token('hm')] },
    { type: 'reasoning', text: 'hm' },
    {
      type: 'logprobs',
      tokens: [token('</think>'), { ...token('y', [121]), top: [{ token: 'n', logprob: -2, bytes: null }] }],
    },
    { type: 'text', text: 'y' },
    { type: 'text', text: 'es' },
    { type: 'logprobs', tokens: [token('es')] },
    STOP,
  );
  const events = await stream(service, key, { ...ASK, include: ['message.output_text.logprobs'], top_logprobs: 1 });
  const y = { token: 'y', bytes: [121], logprob: -0.5, top_logprobs: [{ token: 'n', bytes: [110], logprob: -2 }] };
  const es = { token: 'es', bytes: [101, 115], logprob: -0.5, top_logprobs: [] };
  const told = events
    .filter(({ type }) => /^response\.output_text\./.test(String(type)))
    .map(({ type, logprobs }) => [type, logprobs]);
  assert.deepEqual(told, [
    ['response.output_text.delta', [y]],
    ['response.output_text.delta', []],
    ['response.output_text.done', [y, es]],
  ]);
  assert.equal(service.asked[0]?.request.logprobs, 1);
});
