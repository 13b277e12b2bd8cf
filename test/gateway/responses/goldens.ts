// Answers of engines, and the events of the Responses dialect that must be told of them. Knows no service.
import type { ModelEvent, ToolCallEvent } from '../../../src/contracts/model-events.ts';
import type { Fields } from './checker.ts';

export const USAGE: ModelEvent = {
  type: 'usage',
  promptTokens: 10,
  completionTokens: 5,
  cachedTokens: 8,
  reasoningTokens: 2,
};
export const STOP: ModelEvent = { type: 'finish', reason: 'stop' };
const PATCH = { type: 'custom', name: 'apply_patch', description: 'Edits files.' };

export interface Golden {
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

/** The events of thinking in pieces; `asked`: for its summary and its encrypted form. */
function thought(pieces: readonly string[], asked = false): readonly Fields[] {
  const place = { item_id: 'rs_1', output_index: 0 };
  const at = { ...place, content_index: 0 };
  const text = pieces.join('');
  const item = (status: string, summary: readonly object[], content: readonly object[]) => ({
    id: 'rs_1',
    type: 'reasoning',
    status,
    summary,
    content,
    ...(asked ? { encrypted_content: null } : {}),
  });
  const digest = (type: string, fields: object) =>
    asked ? [{ type: `response.reasoning_summary_${type}`, ...place, summary_index: 0, ...fields }] : [];
  return [
    added(0, item('in_progress', [], [])),
    { type: 'response.content_part.added', ...at, part: { type: 'reasoning_text', text: '' } },
    ...digest('part.added', { part: { type: 'summary_text', text: '' } }),
    ...pieces.flatMap((delta) => [
      { type: 'response.reasoning_text.delta', ...at, delta },
      ...digest('text.delta', { delta }),
    ]),
    { type: 'response.reasoning_text.done', ...at, text },
    { type: 'response.content_part.done', ...at, part: { type: 'reasoning_text', text } },
    ...digest('text.done', { text }),
    ...digest('part.done', { part: { type: 'summary_text', text } }),
    done(0, item('completed', asked ? [{ type: 'summary_text', text }] : [], [{ type: 'reasoning_text', text }])),
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

export const GOLDEN: readonly Golden[] = [
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
    told: [...thought(['hm, ', 'ja']), ...spoken(1, 'msg_1', ['yes'])],
  },
  {
    name: 'thinking with the summary and the encrypted form that were asked for',
    request: { reasoning: { effort: 'low', summary: 'auto' }, include: ['reasoning.encrypted_content'] },
    events: [{ type: 'reasoning', text: 'hm' }, STOP],
    told: thought(['hm'], true),
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
