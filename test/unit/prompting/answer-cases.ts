// Outputs of models as they were seen or can be, each with what must be read of it. `f` and `g` are tools, all others are not.
import type { Read, Reading } from './reading.ts';

export type AnswerCase = readonly [name: string, output: string, expected: Partial<Read>, how?: Reading];

const F = (body: string) => `<tool_call>\n<function=f>\n${body}</function>\n</tool_call>`;
const P = (key: string, value: string) => `<parameter=${key}>\n${value}\n</parameter>\n`;
const CALL = F(P('a', 'x'));
const G = '<tool_call>\n<function=g>\n</function>\n</tool_call>';
const THINK: Reading = { thinking: true };
const DONE = 'f{"a":"x"}';

export const ANSWER_CASES: readonly AnswerCase[] = [
  ['an answer is text', 'Hello.', { text: 'Hello.' }],
  ['an empty answer is nothing', '', {}],
  ['an answer of white space alone stays what it is', ' \n', { text: ' \n' }],
  ['a text keeps its white space inside', 'a\n\n  b', { text: 'a\n\n  b' }],
  ['a stop text at the end is no text', 'Hi<|im_end|>', { text: 'Hi' }],
  ['a stop text and a line end are no text', 'Hi<|im_end|>\n', { text: 'Hi' }],
  ['two stop texts are no text', 'Hi<|im_end|><|im_end|>', { text: 'Hi' }],
  ['a stop text in words is text', 'The mark <|im_end|> ends it', { text: 'The mark <|im_end|> ends it' }],
  [
    'a turn that the model invents is left out',
    'Hi<|im_end|>\n<|im_start|>user\nMore',
    { text: 'Hi', repairs: ['text_after_end'] },
  ],
  ['half a stop text is text', 'Hi<|im_', { text: 'Hi<|im_' }],
  ['an open thought ends at its mark', 'Hm.\n</think>\n\nYes.', { reasoning: 'Hm.', text: 'Yes.' }, THINK],
  ['a thought without white space around', 'Hm.</think>Yes.', { reasoning: 'Hm.', text: 'Yes.' }, THINK],
  ['an empty thought', '</think>Yes.', { text: 'Yes.' }, THINK],
  ['a thought that never ends', 'Hm.', { reasoning: 'Hm.', repairs: ['thinking_not_closed'] }, THINK],
  ['a thought that is cut', 'Hm', { reasoning: 'Hm', finish: 'length' }, { thinking: true, reason: 'length' }],
  [
    'a thought that is opened again',
    '<think>\nHm.</think>Yes.',
    { reasoning: 'Hm.', text: 'Yes.', repairs: ['thinking_opened_twice'] },
    THINK,
  ],
  [
    'a thought that speaks of its mark',
    'the <think> mark</think>Yes.',
    { reasoning: 'the <think> mark', text: 'Yes.' },
    THINK,
  ],
  ['a thought that the model opens itself', '<think>\nHm.\n</think>\nYes.', { reasoning: 'Hm.', text: 'Yes.' }],
  ['a closed pair before the text', '<think></think>Yes.', { text: 'Yes.' }],
  ['a closing mark without an opening one', 'Hm.</think>Yes.', { text: 'Hm.Yes.', repairs: ['thinking_closed_twice'] }],
  [
    'a thought closed twice',
    'Hm.</think>Yes.</think>No.',
    { reasoning: 'Hm.', text: 'Yes.No.', repairs: ['thinking_closed_twice'] },
    THINK,
  ],
  ['marks of thinking in a text stay', 'Write <think>x</think> there', { text: 'Write <think>x</think> there' }],
  ['half a closing mark is thought', 'Hm</thin', { reasoning: 'Hm</thin', repairs: ['thinking_not_closed'] }, THINK],
  ['a thought without words', ' \n</think>\n', {}, THINK],

  ['a call', CALL, { calls: [DONE] }],
  ['a call behind words', `Look.\n\n${CALL}`, { text: 'Look.', calls: [DONE] }],
  ['a call behind a thought', `Hm.\n</think>\n\n${CALL}<|im_end|>`, { reasoning: 'Hm.', calls: [DONE] }, THINK],
  [
    'a call behind thought and words',
    `Hm.</think>\nLook.\n${CALL}`,
    { reasoning: 'Hm.', text: 'Look.', calls: [DONE] },
    THINK,
  ],
  ['a call in one line', '<tool_call><function=f><parameter=a>x</parameter></function></tool_call>', { calls: [DONE] }],
  [
    'a call with much white space',
    '<tool_call>\n\n <function=f> \n\n<parameter=a>\nx\n</parameter>\n\n \n</function>\n\n</tool_call>\n\n',
    { calls: [DONE] },
  ],
  [
    'a call with a name in quotes',
    '<tool_call>\n<function="f">\n<parameter="a">\nx\n</parameter>\n</function>\n</tool_call>',
    { calls: [DONE] },
  ],
  ['a call without parameters', G, { calls: ['g{}'] }],
  ['two parameters', F(P('a', 'x') + P('n', '3')), { calls: ['f{"a":"x","n":3}'] }],
  ['two calls', `${CALL}\n${G}`, { calls: [DONE, 'g{}'] }],
  ['two calls without a line between', CALL + G, { calls: [DONE, 'g{}'] }],
  ['the same call twice is two calls', `${CALL}\n${CALL}`, { calls: [DONE, DONE] }],
  [
    'two functions in one element',
    '<tool_call>\n<function=g>\n</function>\n<function=g>\n</function>\n</tool_call>',
    { calls: ['g{}', 'g{}'], repairs: ['call_not_closed'] },
  ],
  ['white space behind a call is left out', `${CALL}\n \n`, { calls: [DONE] }],
  ['words behind a call stay text', `${CALL}\nDone.`, { text: 'Done.', calls: [DONE], repairs: ['text_after_call'] }],
  [
    'words between calls stay text',
    `${CALL}\nand\n${G}`,
    { text: 'and', calls: [DONE, 'g{}'], repairs: ['text_after_call'] },
  ],
  [
    'an unknown tool is told as it is',
    '<tool_call>\n<function=nope>\n<parameter=k>\n1\n</parameter>\n</function>\n</tool_call>',
    { calls: ['nope{"k":"1"}'], repairs: ['unknown_tool'] },
  ],
  [
    'a parameter given twice refuses the call',
    F(P('a', 'x') + P('a', 'y')),
    { calls: ['f{"a":"x","a":"y"}…'], repairs: ['duplicate_parameter'], finish: 'stop' },
  ],

  [
    'a call that was never opened',
    '<function=f>\n<parameter=a>\nx\n</parameter>\n</function>',
    { calls: [DONE], repairs: ['call_not_opened'] },
  ],
  [
    'a call that was never opened, and closed',
    '<function=f>\n<parameter=a>\nx\n</parameter>\n</function>\n</tool_call>',
    { calls: [DONE], repairs: ['call_not_opened'] },
  ],
  [
    'a call behind words that was never opened',
    'Look.\n<function=g>\n</function>',
    { text: 'Look.', calls: ['g{}'], repairs: ['call_not_opened'] },
  ],
  ['a function in the middle of a line is text', 'call <function=f> now', { text: 'call <function=f> now' }],
  [
    'an unknown function without an opening mark is text',
    '<function=nope>\n</function>',
    { text: '<function=nope>\n</function>' },
  ],
  [
    'a function that does not go on as one is text',
    '<function=f>\nis how it begins',
    { text: '<function=f>\nis how it begins' },
  ],
  ['a call opened twice', `<tool_call>\n${CALL}`, { calls: [DONE], repairs: ['call_opened_twice'] }],
  ['a call closed twice', `${CALL}\n</tool_call>`, { calls: [DONE], repairs: ['call_closed_twice'] }],
  [
    'a call whose element is not closed',
    '<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>\n</function>',
    { calls: [DONE], repairs: ['call_not_closed'] },
  ],
  [
    'a call whose function is not closed',
    '<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>\n</tool_call>',
    { calls: [DONE], repairs: ['call_not_closed'] },
  ],
  [
    'a call that ends behind its parameter',
    '<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>',
    { calls: [DONE], repairs: ['call_not_closed'] },
  ],
  [
    'a call that is not closed before the next',
    `<tool_call>\n<function=g>\n</function>\n${CALL}`,
    { calls: ['g{}', DONE], repairs: ['call_not_closed'] },
  ],
  [
    'a call that ends in its value',
    '<tool_call>\n<function=f>\n<parameter=a>\nx',
    { calls: ['f{"a":"x…'], repairs: ['call_cut'] },
  ],
  ['a call that ends behind its name', '<tool_call>\n<function=f>\n', { calls: ['f…'], repairs: ['call_cut'] }],
  ['an opening mark alone is text', 'Look.\n<tool_call>', { text: 'Look.\n<tool_call>' }],
  ['an opening mark and half a function are text', '<tool_call>\n<function=', { text: '<tool_call>\n<function=' }],
  ['an opening mark in words is text', 'the <tool_call> mark', { text: 'the <tool_call> mark' }],
  [
    'closing marks without a call are text',
    'x</tool_call></function></parameter>',
    { text: 'x</tool_call></function></parameter>' },
  ],
  ['an element without a call is text', '<tool_call>\n</tool_call>', { text: '<tool_call>\n</tool_call>' }],
  ['a call in a fence is text', `Like so:\n\`\`\`\n${CALL}\n\`\`\``, { text: `Like so:\n\`\`\`\n${CALL}\n\`\`\`` }],
  [
    'words between parameters refuse the call',
    F(`${P('a', 'x')}oops\n`),
    { calls: ['f{"a":"x\\n</parameter>\\noops…'], repairs: ['call_ambiguous'] },
  ],
  ['JSON inside of a function refuses the call', F('{"a": "x"}\n'), { calls: ['f{}…'], repairs: ['call_ambiguous'] }],

  [
    'a value that holds a whole call',
    F(P('a', `E:\n${CALL}\nend`)),
    { calls: [`f{"a":${JSON.stringify(`E:\n${CALL}\nend`)}}`] },
  ],
  [
    'a value that holds two whole calls',
    F(P('a', `${CALL}\n${G}`)),
    { calls: [`f{"a":${JSON.stringify(`${CALL}\n${G}`)}}`] },
  ],
  [
    'a value that holds a parameter',
    F(P('a', 'use <parameter=n>\n3\n</parameter> here')),
    { calls: [`f{"a":${JSON.stringify('use <parameter=n>\n3\n</parameter> here')}}`] },
  ],
  [
    'a value that holds closing marks',
    F(P('a', 'x </function>\n</tool_call> y')),
    { calls: ['f{"a":"x </function>\\n</tool_call> y"}'] },
  ],
  [
    'a value that holds an opening mark',
    F(P('a', 'say </tool_call> and </function>')),
    { calls: ['f{"a":"say </tool_call> and </function>"}'] },
  ],
  [
    'a value whose end is missing before the next',
    F('<parameter=a>\nx\n<parameter=n>\n2\n</parameter>\n'),
    { calls: ['f{"a":"x","n":2}'], repairs: ['parameter_not_closed'] },
  ],
  [
    'a value whose end is missing at the end',
    F('<parameter=a>\nx\n'),
    { calls: [DONE], repairs: ['parameter_not_closed'] },
  ],
  [
    'a value whose end is missing in the first of two calls',
    `${F('<parameter=a>\nx\n')}\n${CALL}`,
    { calls: [DONE, DONE], repairs: ['parameter_not_closed'] },
  ],
  [
    'a value that may hold a parameter or end before it',
    F('<parameter=a>\nx\n<parameter=nope>\n2\n</parameter>\n'),
    { calls: ['f{"a":"x…'], repairs: ['call_ambiguous'] },
  ],
  [
    'closing marks behind a call refuse it',
    `${CALL}\nrest\n</parameter>\n</function>\n</tool_call>`,
    {
      text: 'rest\n</parameter>\n</function>\n</tool_call>',
      calls: [`${DONE}…`],
      repairs: ['text_after_call', 'call_ambiguous'],
    },
  ],
  [
    'a doubtful call refuses those before it',
    `${CALL}\n${F('<parameter=a>\nx\n<parameter=nope>\n2\n</parameter>\n')}`,
    { calls: [`${DONE}…`, 'f{"a":"x…'], repairs: ['call_ambiguous', 'call_ambiguous'] },
  ],

  [
    'a call in a thought that ends the answer',
    `Hm. ${CALL}`,
    { reasoning: 'Hm.', calls: [DONE], repairs: ['call_in_thinking'] },
    THINK,
  ],
  [
    'a call in a thought that is closed behind it',
    `Hm.\n${CALL}\n</think>\n`,
    { reasoning: 'Hm.', calls: [DONE], repairs: ['call_in_thinking'] },
    THINK,
  ],
  [
    'two calls in a thought',
    `Hm.\n${CALL}\n${G}`,
    { reasoning: 'Hm.', calls: [DONE, 'g{}'], repairs: ['call_in_thinking'] },
    THINK,
  ],
  [
    'a call in a thought that goes on is thought',
    `Hm.\n${CALL}\nNo, wait.</think>Hi`,
    { reasoning: `Hm.\n${CALL}\nNo, wait.`, text: 'Hi' },
    THINK,
  ],
  [
    'a call in a thought before the same call is thought',
    `Hm.\n${CALL}\n</think>\n${CALL}`,
    { reasoning: `Hm.\n${CALL}`, calls: [DONE] },
    THINK,
  ],
  [
    'a call in a thought before the answer is thought',
    `Hm.\n${CALL}</think>Hi`,
    { reasoning: `Hm.\n${CALL}`, text: 'Hi' },
    THINK,
  ],
  [
    'an unknown call in a thought is thought',
    'Hm.\n<tool_call>\n<function=nope>\n</function>\n</tool_call>',
    { reasoning: 'Hm.\n<tool_call>\n<function=nope>\n</function>\n</tool_call>', repairs: ['thinking_not_closed'] },
    THINK,
  ],
  [
    'a call in a thought that is cut is thought',
    `Hm.\n${CALL}`,
    { reasoning: `Hm.\n${CALL}`, finish: 'length' },
    { thinking: true, reason: 'length' },
  ],
  [
    'half a call in a thought is thought',
    'Hm.\n<tool_call>\n<function=f>\n<parameter=a>\nx',
    { reasoning: 'Hm.\n<tool_call>\n<function=f>\n<parameter=a>\nx', repairs: ['thinking_not_closed'] },
    THINK,
  ],
  [
    'a mark of calls in a thought is thought',
    'the <tool_call> mark</think>Hi',
    { reasoning: 'the <tool_call> mark', text: 'Hi' },
    THINK,
  ],
];
