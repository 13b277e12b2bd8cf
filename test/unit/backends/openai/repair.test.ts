// Shows that calls which a real engine over HTTP leaves in its text are read behind it, and when such an engine is known as one.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { profilesBy, repairBy } from '../../../../src/repairs.ts';
import { BASH, begin, finish, gather, more, patient, PING, requestOf, say, think, whole } from '../events.ts';
import { chunk, DONE, fragment } from './frames.ts';
import { backendAt, sendStream, startEndpoint } from './scripted-endpoint.ts';

const REQUEST = requestOf([{ role: 'user', content: 'hello' }], {
  model: 'nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16',
  tools: [BASH, PING],
});
const call = (name: string, command: string) =>
  `<tool_call>\n<function=${name}>\n<parameter=command>\n${command}\n</parameter>\n</function>\n</tool_call>`;
const LS = call('bash', 'ls');
const OWN =
  chunk({ tool_calls: [{ index: 0, id: 'a', function: { name: 'ping' } }] }) +
  fragment(0, '{}') +
  chunk({}, 'tool_calls');
const left = (kind: 'call_in_text' | 'call_in_thinking'): ModelEvent => ({ type: 'repair', kind });

/** An engine that gives these answers, one after the other. */
async function engine(t: TestContext, ...answers: readonly string[]) {
  const { url } = await startEndpoint(t, (response, _, count) => sendStream(response, `${answers[count - 1]}${DONE}`));
  return backendAt(url, { repair: repairBy(profilesBy(undefined)) });
}

const answers = async (t: TestContext, bytes: string) => gather((await engine(t, bytes)).stream(REQUEST, patient()));

/** Pieces of a call's arguments as one. */
function joined(events: readonly ModelEvent[]): readonly ModelEvent[] {
  const all: ModelEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    if (
      event.type === 'tool_call' &&
      last?.type === 'tool_call' &&
      event.arguments !== undefined &&
      last.name === undefined
    )
      all[all.length - 1] = { ...last, arguments: (last.arguments ?? '') + event.arguments };
    else if (event.type !== 'repair' || event.kind !== 'text_after_call') all.push(event);
  }
  return all;
}

const told = (index: number, name: string, text: string): readonly ModelEvent[] => [
  { type: 'tool_call', index, name, complete: false },
  more(index, text),
];

test('calls in the text are told as calls, several of them too', async (t) => {
  const bytes =
    chunk({ content: 'Look.\n\n<tool' }) +
    chunk({ content: `${LS.slice(5)}\n${call('bash', 'pwd')}` }) +
    chunk({}, 'stop');
  assert.deepEqual(joined(await answers(t, bytes)), [
    say('Look.'),
    left('call_in_text'),
    ...told(0, 'bash', '{"command":"ls"}'),
    ...told(1, 'bash', '{"command":"pwd"}'),
    whole(0),
    whole(1),
    finish('tool_calls'),
  ]);
});

test('a call at the end of the thinking is told as a call', async (t) => {
  const bytes = chunk({ reasoning_content: `I look. ${LS}` }) + chunk({}, 'stop');
  assert.deepEqual(joined(await answers(t, bytes)), [
    think('I look.'),
    left('call_in_thinking'),
    ...told(0, 'bash', '{"command":"ls"}'),
    whole(0),
    finish('tool_calls'),
  ]);
});

test('a call that the limit cut, and one of a tool that nobody offered, stay the text that they were', async (t) => {
  const cases = [
    [LS, 'length'],
    [LS.slice(0, 50), 'length'],
    [call('rm', '-r'), 'stop'],
  ] as const;
  for (const [text, reason] of cases) {
    const events = await answers(t, chunk({ content: text }) + chunk({}, reason));
    assert.deepEqual(
      events.filter(({ type }) => type !== 'repair'),
      [say(text), finish(reason)],
    );
  }
});

test('without a way to read them, and where no tools were offered, calls stay text', async (t) => {
  const bytes = chunk({ content: LS }) + chunk({}, 'stop') + DONE;
  const { url } = await startEndpoint(t, (response) => sendStream(response, bytes));
  const { tools: _, ...plain } = REQUEST;
  const asked = [
    backendAt(url).stream(REQUEST, patient()),
    backendAt(url, { repair: repairBy(profilesBy(undefined)) }).stream(plain, patient()),
  ];
  for (const events of asked) assert.deepEqual(await gather(events), [say(LS), finish('stop')]);
});

test('an engine is known to leave calls in its text by its last answer with calls', async (t) => {
  const text = chunk({ content: 'Yes.' }) + chunk({}, 'stop');
  const backend = await engine(t, text, OWN, chunk({ content: LS }) + chunk({}, 'stop'), text, OWN);
  const seen: unknown[] = [];
  for (let count = 0; count < 5; count += 1) {
    const events = await gather(backend.stream(REQUEST, patient()));
    seen.push([backend.leavesCalls?.(), events.some(({ type }) => type === 'repair')]);
  }
  assert.deepEqual(seen, [
    [false, false],
    [false, false],
    [true, true],
    [true, false],
    [false, false],
  ]);
});

test('calls that the engine tells by itself pass as they are', async (t) => {
  const bytes = chunk({ content: `So it is written: ${LS}` }) + OWN;
  const events = await answers(t, bytes);
  assert.deepEqual(
    events.filter(({ type }) => type !== 'text'),
    [begin(0, 'a', 'ping'), more(0, '{}'), whole(0), finish('tool_calls')],
  );
  assert.equal(events.map((event) => (event.type === 'text' ? event.text : '')).join(''), `So it is written: ${LS}`);
});
