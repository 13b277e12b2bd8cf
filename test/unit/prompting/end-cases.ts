// Outputs of models that end too early, that write calls as JSON, or that hold broken marks, each with what must be read of it.
import type { AnswerCase } from './answer-cases.ts';
import type { Reading } from './reading.ts';

const F = (body: string) => `<tool_call>\n<function=f>\n${body}</function>\n</tool_call>`;
const P = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;
const CALL = F(P('a', 'x'));
const G = '<tool_call>\n<function=g>\n</function>\n</tool_call>';
const THINK: Reading = { thinking: true };
const JSON_STYLE: Reading = { syntax: 'json' };
const J = (text: string) => `<tool_call>\n${text}\n</tool_call>`;
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

  ['a call as JSON', J('{"name": "f", "arguments": {"a": "x"}}'), { calls: ['f{"a": "x"}'] }, JSON_STYLE],
  [
    'a call as JSON in one line',
    '<tool_call>{"name":"f","arguments":{"a":"x"}}</tool_call>',
    { calls: ['f{"a": "x"}'] },
    JSON_STYLE,
  ],
  [
    'a call as JSON behind words',
    `Look.\n${J('{"name": "g", "arguments": {}}')}`,
    { text: 'Look.', calls: ['g{}'] },
    JSON_STYLE,
  ],
  [
    'two calls as JSON',
    `${J('{"name": "g", "arguments": {}}')}\n${J('{"name": "g"}')}`,
    { calls: ['g{}', 'g{}'] },
    JSON_STYLE,
  ],
  [
    'a list of calls as JSON',
    J('[{"name": "g", "arguments": {}}, {"name": "f", "arguments": {"n": 1}}]'),
    { calls: ['g{}', 'f{"n": 1}'] },
    JSON_STYLE,
  ],
  ['arguments before the name', J('{"arguments": {"a": "x"}, "name": "f"}'), { calls: ['f{"a": "x"}'] }, JSON_STYLE],
  [
    'arguments under another name',
    J('{"name": "f", "parameters": {"a": "x"}}'),
    { calls: ['f{"a": "x"}'], repairs: ['arguments_renamed'] },
    JSON_STYLE,
  ],
  [
    'arguments as a text',
    J('{"name": "f", "arguments": "{\\"a\\": \\"x\\"}"}'),
    { calls: ['f{"a": "x"}'], repairs: ['arguments_in_text'] },
    JSON_STYLE,
  ],
  [
    'arguments with marks in a text',
    J('{"name": "f", "arguments": {"a": "</tool_call><tool_call>"}}'),
    { calls: ['f{"a": "</tool_call><tool_call>"}'] },
    JSON_STYLE,
  ],
  [
    'numbers of a call as JSON stay exact',
    J('{"name": "f", "arguments": {"x": 1.0, "n": 12345678901234567890}}'),
    { calls: ['f{"x": 1.0, "n": 12345678901234567890}'] },
    JSON_STYLE,
  ],
  [
    'an unknown tool as JSON',
    J('{"name": "nope", "arguments": {}}'),
    { calls: ['nope{}'], repairs: ['unknown_tool'] },
    JSON_STYLE,
  ],
  ['broken JSON is text', J("{'name': 'f'}"), { text: J("{'name': 'f'}"), repairs: ['call_unreadable'] }, JSON_STYLE],
  ['JSON that is no call is text', J('{"a": 1}'), { text: J('{"a": 1}'), repairs: ['call_unreadable'] }, JSON_STYLE],
  [
    'JSON with arguments that are no object is text',
    J('{"name": "f", "arguments": [1]}'),
    { text: J('{"name": "f", "arguments": [1]}'), repairs: ['call_unreadable'] },
    JSON_STYLE,
  ],
  [
    'JSON with strange members is text',
    J('{"name": "f", "arguments": {}, "sudo": true}'),
    { text: J('{"name": "f", "arguments": {}, "sudo": true}'), repairs: ['call_unreadable'] },
    JSON_STYLE,
  ],
  [
    'JSON that is closed too early is text',
    J('{"name": "f", "arguments": {'),
    { text: J('{"name": "f", "arguments": {'), repairs: ['call_unreadable'] },
    JSON_STYLE,
  ],
  [
    'JSON that is cut is text',
    '<tool_call>\n{"name": "f", "arg',
    { text: '<tool_call>\n{"name": "f", "arg', repairs: ['call_unreadable'], finish: 'length' },
    { syntax: 'json', reason: 'length' },
  ],
  [
    'JSON whose element is not closed',
    '<tool_call>\n{"name": "g"}',
    { calls: ['g{}'], repairs: ['call_not_closed'] },
    JSON_STYLE,
  ],
  [
    'JSON in a thought that ends the answer',
    `Hm.\n${J('{"name": "g"}')}`,
    { reasoning: 'Hm.', calls: ['g{}'], repairs: ['call_in_thinking'] },
    { syntax: 'json', thinking: true },
  ],
  ['JSON from a model that writes marks', J('{"name": "g"}'), { calls: ['g{}'], repairs: ['other_syntax'] }],
  ['marks from a model that writes JSON', G, { calls: ['g{}'], repairs: ['other_syntax'] }, JSON_STYLE],
  [
    'JSON without marks is text',
    '{"name": "g", "arguments": {}}',
    { text: '{"name": "g", "arguments": {}}' },
    JSON_STYLE,
  ],

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
