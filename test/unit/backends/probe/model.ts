// Owns a scripted model that does all that the suite asks for, and can be told to do one thing wrong. Knows no judge.
import { PROBE_CASES } from '../../../../src/backends/probe/cases.ts';
import { type ChatRequest, textOf } from '../../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import type { Backend } from '../../../../src/contracts/ports.ts';
import { begin, finish, more, say, think, used, whole } from '../events.ts';

/** What is done by the case whose name it is, in place of what is right. */
export type Spoilt = Readonly<Record<string, readonly ModelEvent[]>>;

export function scriptedModel(spoilt: Spoilt = {}): Backend {
  return {
    name: 'engine',
    recorded: false,
    models: async () => [{ id: 'm', backend: 'engine' }],
    report: async () => ({ version: '1.2.3', remarks: [] }),
    stream: async function* stream(request, signal) {
      for (const event of spoilt[caseOf(request)] ?? rightAnswer(request)) {
        if (signal.aborted) {
          yield { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false };
          return;
        }
        yield event;
      }
    },
  };
}

function caseOf({ messages }: ChatRequest): string {
  const found = PROBE_CASES.filter(({ request }) => request.messages[0]?.content === messages[0]?.content);
  return found.length === 1 ? (found[0]?.name ?? '') : '';
}

const BERN = { city: 'Bern', days: 1 };
const CALLS: Readonly<Record<string, readonly (readonly [name: string, given: object])[]>> = {
  tool: [['get_weather', { city: 'Zürich', days: 3, hourly: false }]],
  'tool that is named': [['get_weather', { city: 'Zürich', days: 3 }]],
  'calls side by side': [
    ['get_weather', BERN],
    ['get_weather', { city: 'Basel', days: 2 }],
  ],
  'arguments with lists and objects': [
    [
      'make_plan',
      {
        title: 'tea',
        steps: [
          { name: 'boil', minutes: 3 },
          { name: 'wait', minutes: 4 },
        ],
      },
    ],
  ],
};

function rightAnswer(request: ChatRequest): readonly ModelEvent[] {
  const { thinking, maxTokens = 0, logprobs, messages } = request;
  const name = caseOf(request);
  const thought = thinking?.enabled === false ? [] : [think('hm')];
  const content = textOf(messages[0]?.content ?? '');
  const calls =
    name === 'long argument'
      ? ([['write_file', { path: 'a.txt', content: content.split('tool:\n')[1] }]] as const)
      : CALLS[name];
  if (calls !== undefined)
    return [
      ...thought,
      ...calls.flatMap(([tool, given], at) => called(at, tool, given)),
      used(9, 9),
      finish('tool_calls'),
    ];
  if (maxTokens < 100) return [say('1, 2'), used(9, 6), finish('length')];
  const probable = { type: 'logprobs' as const, tokens: [{ token: 'y', logprob: -1, bytes: [121], top: [] }] };
  return [
    ...thought,
    ...piecesOf(textFor(name, content)).map(say),
    ...(logprobs === undefined ? [] : [probable]),
    used(9, 9),
    finish('stop'),
  ];
}

function textFor(name: string, content: string): string {
  if (name === 'unicode') return content.split(': ')[1] ?? '';
  if (name === 'JSON after a schema') return '{"size": "small", "count": 3}';
  if (name === 'stop text') return 'alpha ';
  return '1 2 3 4 5 6 7 8 9';
}

function piecesOf(text: string): readonly string[] {
  return text.split(/(?<= )/);
}

export function called(at: number, name: string, given: object | string): readonly ModelEvent[] {
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  return [begin(at, `call_${at}`, name), more(at, text), whole(at)];
}
