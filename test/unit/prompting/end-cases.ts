// Outputs of models that end too early, or that hold broken marks, each with what must be read of it.
import type { AnswerCase } from './answer-cases.ts';
import type { Reading } from './reading.ts';

const F = (body: string) => `<tool_call>\n<function=f>\n${body}</function>\n</tool_call>`;
const P = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;
const CALL = F(P('a', 'x'));
const THINK: Reading = { thinking: true };
const DONE = 'f{"a":"x"}';

export const END_CASES: readonly AnswerCase[] = [
  [
    'a limit in a value cuts the call',
    '<tool_call>\n<function=f>\n<parameter=a>\nx',
    { calls: ['f{"a":"x…'], repairs: ['call_cut'], finish: 'length' },
    { reason: 'length' },
  ],
  ['a limit behind the last call cuts it', CALL, { calls: [`${DONE}…`], finish: 'length' }, { reason: 'length' }],
  [
    'a limit in the second call keeps the first',
    `${CALL}\n<tool_call>\n<function=f>\n`,
    { calls: [DONE, 'f…'], repairs: ['call_cut'], finish: 'length' },
    { reason: 'length' },
  ],
  [
    'a limit in a doubtful value refuses everything',
    F('<parameter=a>\nx\n'),
    { calls: ['f{"a":"x…'], repairs: ['call_ambiguous'], finish: 'length' },
    { reason: 'length' },
  ],
  [
    'a limit in a closing mark',
    '<tool_call>\n<function=f>\n<parameter=a>\nx\n</para',
    { calls: ['f{"a":"x\\n</para…'], repairs: ['call_cut'], finish: 'length' },
    { reason: 'length' },
  ],
  ['an engine that gives up leaves no whole call', CALL, { calls: [`${DONE}…`], finish: 'abort' }, { reason: 'abort' }],
  [
    'a filter of contents leaves no whole call',
    CALL,
    { calls: [`${DONE}…`], finish: 'content_filter' },
    { reason: 'content_filter' },
  ],
  ['an engine that says calls and sends none', 'Hi', { text: 'Hi' }, { reason: 'tool_calls' }],
  [
    'a stop sequence of the client may have cut the end',
    '<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>\n',
    { calls: ['f{"a":"x…'], repairs: ['call_cut'] },
    { request: { stop: ['END'] } },
  ],
  ['a stop sequence of the client leaves whole calls', CALL, { calls: [DONE] }, { request: { stop: ['END'] } }],

  ['without tools a call is text', CALL, { text: CALL }, { request: { tools: [] } }],
  ['a choice of no tool leaves calls as text', CALL, { text: CALL }, { request: { toolChoice: 'none' } }],
  ['a model without calls leaves them as text', CALL, { text: CALL }, { syntax: 'none' }],

  [
    'a mark that was broken up in a text is whole again',
    'see <\u2060tool_call> and <\u2060|im_end|>',
    { text: 'see <tool_call> and <|im_end|>' },
  ],
  [
    'a mark that was broken up in a value is whole again',
    F(P('a', '<\u2060/think> <\u2060tool_call>')),
    { calls: ['f{"a":"</think> <tool_call>"}'] },
  ],
  [
    'a broken mark in a thought is whole again',
    'a <\u2060think> b</think>x',
    { reasoning: 'a <think> b', text: 'x' },
    THINK,
  ],
  ['two joiners become one', 'see <\u2060\u2060think>', { text: 'see <\u2060think>' }],
  ['a joiner elsewhere stays', 'a\u2060b <\u2060b>', { text: 'a\u2060b <\u2060b>' }],
];
