// Owns what the scripted model says, turn by turn, and how Nemotron writes it. Knows no server and no test.

import { PROBE_CASES } from '../../../src/backends/probe/cases.ts';
import { textOf } from '../../../src/contracts/messages.ts';

export interface PlayedCall {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

export interface Turn {
  readonly thinking: string;
  readonly text: string;
  readonly calls: readonly PlayedCall[];
  /** What the model writes, where that is not what `written` makes of the rest. */
  readonly raw?: string;
}

const turn = (thinking: string, text: string, ...calls: readonly PlayedCall[]): Turn => ({ thinking, text, calls });
const call = (name: string, given: PlayedCall['arguments']): PlayedCall => ({ name, arguments: given });

const ITEMS = Array.from({ length: 700 }, (_, index) => `item-${index}`).join(' ');

const STEPS = [
  { name: 'boil', minutes: 3 },
  { name: 'wait', minutes: 4 },
];

const weather = turn(
  'A question about the weather: I ask the tool.',
  'I look it up.',
  call('get_weather', { city: 'Zürich', days: 3, hourly: false }),
);
const OPEN_CALL = '<tool_call>\n<function=get_weather>\n<parameter=city>\nBasel';
/** The first is also what the model says to a prompt without a cue. */
export const PLAYS = {
  greeting: [turn('A greeting. I answer at once.', 'Hello! 3 + 4 = 7. Ünïcödé, 日本語 and 🙂 as well.')],
  weather: [weather, turn('The tool has answered.', 'It will be sunny in Zürich for three days.')],
  files: [
    turn(
      'Two files, two calls.',
      '',
      call('read_file', { path: 'src/a.ts' }),
      call('write_file', {
        path: 'src/b.ts',
        content: 'export const a = "<b>x</b> && y";\nif (a < 3) {\n  say(`${a}`);\n}\n\n// the last line: </b>',
        overwrite: true,
        tags: ['x', { deep: [1, null] }],
      }),
    ),
  ],
  cut: [{ ...weather, raw: `A long call.\n</think>\n\n${OPEN_CALL}${', and so on'.repeat(80)}` }],
  unclosed: [{ ...weather, raw: `The call has no end.\n</think>\n\n${OPEN_CALL}` }],
  unknown: [turn('A tool that nobody has.', '', call('remove_all', { path: '/' }))],
  musing: [
    {
      thinking: 'I think and think and never answer.',
      text: '',
      calls: [],
      raw: 'I think and think and never answer.',
    },
  ],
  absent: [
    {
      thinking: 'I forget to close my thinking and call',
      text: '',
      calls: [call('get_weather', { city: 'Bern' })],
      raw: `I forget to close my thinking and call\n${written({ name: 'get_weather', arguments: { city: 'Bern' } })}`,
    },
  ],
  long: [turn('I count.', ITEMS)],
  mend: [
    turn(
      'A number whose anchor is taken must be passed over.',
      'I mend the slugger.',
      call('edit', {
        path: 'src/slugger.js',
        old: [
          '    const count = (counts.get(base) ?? 0) + 1;',
          '    counts.set(base, count);',
          '    return count === 1 ? base : `${base}${separator}${count}`;',
        ].join('\n'),
        new: [
          '    let count = (counts.get(base) ?? 0) + 1;',
          '    let anchor = count === 1 ? base : `${base}${separator}${count}`;',
          '    while (counts.has(anchor)) {',
          '      count += 1;',
          '      anchor = `${base}${separator}${count}`;',
          '    }',
          '    counts.set(base, count);',
          '    if (anchor !== base) counts.set(anchor, 1);',
          '    return anchor;',
        ].join('\n'),
      }),
    ),
    turn('Do the tests pass now?', 'I run the tests.', call('bash', { command: 'node --test' })),
    turn(
      'They do.',
      'Done.',
      call('finish', { summary: 'Anchors that are taken are passed over.', checked: 'node --test' }),
    ),
  ],
  ...probed({
    unicode: (prompt) => turn('I repeat it.', prompt.split(': ')[1] ?? ''),
    tool: () => turn('One call.', '', call('get_weather', { city: 'Zürich', days: 3, hourly: false })),
    'calls side by side': () =>
      turn(
        'Two calls.',
        '',
        ...[
          ['Bern', 1],
          ['Basel', 2],
        ].map(([city, days]) => call('get_weather', { city, days })),
      ),
    'arguments with lists and objects': () => turn('A plan.', '', call('make_plan', { title: 'tea', steps: STEPS })),
    'long argument': (prompt) =>
      turn('All of it.', '', call('write_file', { path: 'a.txt', content: prompt.split('tool:\n')[1] })),
    'stop text': () => turn('In order.', 'alpha beta gamma'),
    abort: () => turn('I count.', ITEMS),
  }),
} as const satisfies Readonly<Record<string, readonly Turn[]>>;

export type PlayName = keyof typeof PLAYS;

/** For the maker of the model: what is written in each turn of each play. */
export function playTexts(): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(Object.entries(PLAYS).map(([name, turns]) => [name, turns.map(rawOf)]));
}

/** A message that makes the model play; a dot ends the name. */
export function cueFor(play: PlayName, words = 'Please begin'): string {
  return `${words} #play:${play}.`;
}

/** Name of the play for a case of the suite of `caisson probe`. */
export function probePlay(name: string): string {
  return `probe-${name.replaceAll(' ', '-')}`;
}

function probed(
  turns: Readonly<Record<string, (prompt: string) => Turn>>,
): Readonly<Record<`probe-${string}`, readonly Turn[]>> {
  return Object.fromEntries(
    PROBE_CASES.flatMap(({ name, request }) => {
      const made = turns[name]?.(textOf(request.messages[0]?.content ?? ''));
      return made === undefined ? [] : [[probePlay(name), [made]]];
    }),
  );
}

function rawOf({ raw, thinking, text, calls }: Turn): string {
  return (
    raw ?? [`${thinking}\n</think>\n`, ...(text === '' ? [] : [text, '']), ...calls.map(written)].join('\n').trimEnd()
  );
}

/** Texts stand as they are; everything else as JSON. */
function written({ name, arguments: given }: PlayedCall): string {
  const parameters = Object.entries(given).flatMap(([key, value]) => [
    `<parameter=${key}>`,
    typeof value === 'string' ? value : JSON.stringify(value),
    '</parameter>',
  ]);
  return ['<tool_call>', `<function=${name}>`, ...parameters, '</function>', '</tool_call>'].join('\n');
}
