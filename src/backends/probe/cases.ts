// Owns the fixed suite that an engine is sent: each request, and what is wrong with the answer. Knows no engine and no score.
import type { JsonObject } from '../../base/json.ts';
import type { ChatRequest, ToolDefinition } from '../../contracts/messages.ts';
import type { ProbedAnswer, ProbedCall } from './answer.ts';
import { objectIn } from './answer.ts';

export interface ProbeCase {
  readonly name: string;
  readonly request: Omit<ChatRequest, 'model'>;
  /** '' where nothing is. */
  wrong(answer: ProbedAnswer): string;
  /** It is about pieces: it is not asked for as a whole answer too. */
  readonly onlyStreamed?: true;
  /** So many of it at once; absent: one. */
  readonly atOnce?: number;
  /** It is aborted after so many pieces. */
  readonly abortAfter?: number;
}

const TOKENS = 2000;
const SHORT = 6;
const OFF = { enabled: false } as const;
const SAID = 'Zürich, 日本語, 🙂';
const LINES = Array.from({ length: 40 }, (_, line) => `line ${line}: <b>"x" && y</b>`).join('\n');
const AT_ONCE = 8;

const string = { type: 'string' };
const WEATHER = tool(
  'get_weather',
  { city: string, days: { type: 'integer' }, hourly: { type: 'boolean' } },
  'city',
  'days',
);
const FILE = tool('write_file', { path: string, content: string }, 'path', 'content');
const PLAN = tool(
  'make_plan',
  {
    title: string,
    steps: { type: 'array', items: { type: 'object', properties: { name: string, minutes: { type: 'integer' } } } },
  },
  'title',
  'steps',
);
const BOX: JsonObject = {
  type: 'object',
  properties: { size: { enum: ['small', 'large'] }, count: { type: 'integer' } },
  required: ['size', 'count'],
  additionalProperties: false,
};

export const PROBE_CASES: readonly ProbeCase[] = [
  {
    name: 'text',
    request: ask('Say hello in one short sentence.'),
    wrong: needs(({ text }) => text.trim() !== '', 'no text'),
  },
  {
    name: 'stream',
    request: ask('Count from 1 to 30.'),
    onlyStreamed: true,
    wrong: needs(({ pieces }) => pieces >= 5, 'it comes in one piece'),
  },
  {
    name: 'unicode',
    request: ask(`Repeat exactly this and nothing else: ${SAID}`),
    wrong: needs(({ text }) => text.includes(SAID), 'the characters are others'),
  },
  {
    name: 'usage',
    request: ask('Say yes.'),
    wrong: needs(({ usage }) => (usage?.promptTokens ?? 0) > 0 && (usage?.completionTokens ?? 0) > 0, 'no usage'),
  },
  {
    name: 'thinking on',
    request: { ...ask('What is 17 * 23?'), thinking: { enabled: true } },
    wrong: needs(thinks, 'no thinking'),
  },
  {
    name: 'thinking off',
    request: { ...ask('What is 17 * 23?'), thinking: OFF },
    wrong: needs((answer) => !thinks(answer) && !answer.text.includes('</think>'), 'it thinks all the same'),
  },
  {
    name: 'tool',
    request: call('What will the weather be in Zürich for the next 3 days, not hourly? Use the tool.', WEATHER),
    wrong: calls(({ arguments: given }) => given?.['city'] === 'Zürich' && given['days'] === 3, 'get_weather'),
  },
  {
    name: 'tool that is named',
    request: { ...call('Zürich, 3 days.', WEATHER), toolChoice: { name: 'get_weather' }, thinking: OFF },
    wrong: calls(({ arguments: given }) => typeof given?.['city'] === 'string', 'get_weather'),
  },
  {
    name: 'calls side by side',
    request: call('Ask for the weather in Bern for 1 day and in Basel for 2 days: both calls in one answer.', WEATHER),
    wrong: (answer) =>
      answer.calls.length < 2 ? `${answer.calls.length} calls` : calls(isWhole, 'get_weather')(answer),
  },
  {
    name: 'arguments with lists and objects',
    request: call(
      'Make a plan named "tea" with the steps "boil" of 3 minutes and "wait" of 4 minutes. Use the tool.',
      PLAN,
    ),
    wrong: calls(({ arguments: given }) => Array.isArray(given?.['steps']) && given['steps'].length === 2, 'make_plan'),
  },
  {
    name: 'long argument',
    request: call(`Write this to the file a.txt, unchanged, with the tool:\n${LINES}`, FILE),
    wrong: calls(({ arguments: given }) => textIn(given?.['content']).trim() === LINES, 'write_file'),
  },
  {
    name: 'limit on tokens',
    request: { ...ask('Count from 1 to 500.'), maxTokens: SHORT, thinking: OFF },
    wrong: needs(({ finish }) => finish === 'length', 'it does not say that the limit was reached'),
  },
  {
    name: 'stop text',
    request: { ...ask('Write exactly: alpha beta gamma'), stop: ['beta'], thinking: OFF },
    wrong: needs(({ text, finish }) => finish === 'stop' && !text.includes('beta'), 'the text goes on'),
  },
  {
    name: 'JSON after a schema',
    request: {
      ...ask('A small box with 3 things in it, as JSON.'),
      thinking: OFF,
      responseFormat: { type: 'json_schema', name: 'box', schema: BOX },
    },
    wrong: needs(({ text }) => isBox(objectIn(text)), 'no JSON after the schema'),
  },
  {
    name: 'log-probabilities',
    request: { ...ask('Say yes.'), logprobs: 2 },
    wrong: needs(({ logprobs }) => logprobs > 0, 'none'),
  },
  {
    name: 'abort',
    request: ask('Count from 1 to 2000, one number after the other.'),
    abortAfter: 5,
    onlyStreamed: true,
    wrong: needs(({ error }) => error?.startsWith('aborted') === true, 'it had ended before'),
  },
  {
    name: `${AT_ONCE} at once`,
    request: ask('Say hello in one short sentence.'),
    atOnce: AT_ONCE,
    wrong: needs(({ text }) => text.trim() !== '', 'no text'),
  },
];

function ask(content: string): Omit<ChatRequest, 'model'> {
  return { messages: [{ role: 'user', content }], maxTokens: TOKENS };
}

function call(content: string, ...tools: readonly ToolDefinition[]): Omit<ChatRequest, 'model'> {
  return { ...ask(content), tools };
}

function tool(name: string, properties: JsonObject, ...required: readonly string[]): ToolDefinition {
  return { name, description: `The tool ${name}.`, parameters: { type: 'object', properties, required } };
}

function needs(is: (answer: ProbedAnswer) => boolean, otherwise: string): ProbeCase['wrong'] {
  return (answer) => (is(answer) ? '' : (answer.error ?? otherwise));
}

/** Every call is whole, of this tool, and as it should be; none was left in the text. */
function calls(is: (call: ProbedCall) => boolean, name: string): ProbeCase['wrong'] {
  return (answer) => {
    if (answer.error !== undefined) return answer.error;
    if (/<tool_call>|<function=|<TOOLCALL>/.test(answer.text))
      return 'a call is left in the text: is the tool parser on?';
    if (answer.calls.length === 0) return 'no call';
    const other = answer.calls.find((one) => one.name !== name);
    if (other !== undefined) return `a call of ${JSON.stringify(other.name.slice(0, 60))}`;
    return answer.calls.every((one) => one.arguments !== undefined && is(one))
      ? ''
      : 'the arguments are others, or cut';
  };
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function isWhole({ arguments: given }: ProbedCall): boolean {
  return given !== undefined;
}

function thinks({ thinking }: ProbedAnswer): boolean {
  return thinking.trim() !== '';
}

function isBox(box: JsonObject | undefined): boolean {
  return (box?.['size'] === 'small' || box?.['size'] === 'large') && Number.isInteger(box['count']);
}
