// Shows that the suite finds what an engine cannot do, and says it in words; the score counts each case the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PROBE_CASES } from '../../../../src/backends/probe/cases.ts';
import { probeBackend } from '../../../../src/backends/probe/probe.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import type { Backend } from '../../../../src/contracts/ports.ts';
import { begin, failed, finish, more, patient, say, think, used } from '../events.ts';
import { called, scriptedModel } from './model.ts';

const NAMES = PROBE_CASES.map(({ name }) => name);

async function probed(backend: Backend, timeoutMs = 5000) {
  const { at, results, ...report } = await probeBackend(backend, 'm', {
    clock: systemClock,
    timeoutMs,
    signal: patient(),
  });
  assert.ok(Math.abs(Date.now() - at) < 60_000);
  const odd = results.filter(({ outcome }) => outcome !== 'works');
  return { ...report, of: results.length, odd: odd.map(({ name, outcome, detail }) => [name, outcome, detail]) };
}

const ALL = { backend: 'engine', model: 'm', version: '1.2.3', of: NAMES.length };
const lessBy = (parts: number) => Math.round((1 - parts / NAMES.length) * 100);

test('an engine that does all of it has a score of 100', async () => {
  assert.deepEqual(await probed(scriptedModel()), { ...ALL, score: 100, odd: [] });
  assert.equal(new Set(NAMES).size, NAMES.length);
});

describe('what an engine does wrong is found, and nothing else', () => {
  const end = finish('stop');
  const stop = finish('tool_calls');
  const cases: readonly (readonly [name: string, events: readonly ModelEvent[], detail: string])[] = [
    ['stream', [say('1 2 3 4 5 6 7'), end], 'it comes in one piece'],
    ['unicode', [say('Z??rich'), end], 'the characters are others'],
    ['tool', [say('<tool_call>\n<function=get_weather>'), end], 'a call is left in the text: is the tool parser on?'],
    ['tool', [think('hm'), end], 'no call'],
    ['tool', [...called(0, 'weather', {}), stop], 'a call of "weather"'],
    ['tool', [...called(0, 'get_weather', { city: 'Zürich', days: '3' }), stop], 'the arguments are others, or cut'],
    [
      'tool',
      [begin(0, 'c', 'get_weather'), more(0, '{"city":"Zürich","days":3}'), stop],
      'the arguments are others, or cut',
    ],
    ['tool that is named', [...called(0, 'get_weather', '{"city":'), stop], 'the arguments are others, or cut'],
    ['calls side by side', [...called(0, 'get_weather', { city: 'Bern', days: 1 }), stop], '1 calls'],
    [
      'arguments with lists and objects',
      [...called(0, 'make_plan', { title: 'tea', steps: '[]' }), stop],
      'the arguments are others, or cut',
    ],
    [
      'long argument',
      [...called(0, 'write_file', { path: 'a.txt', content: 'line 0' }), stop],
      'the arguments are others, or cut',
    ],
    ['limit on tokens', [say('1, 2'), end], 'it does not say that the limit was reached'],
    ['stop text', [say('alpha beta'), end], 'the text goes on'],
    ['JSON after a schema', [say('{"size": "tiny", "count": 3}'), end], 'no JSON after the schema'],
    ['abort', [say('1'), end], 'it had ended before'],
    ['tool', [failed('it broke')], 'backend_failed: it broke'],
  ];
  for (const [name, events, detail] of cases)
    test(`${name}: ${detail}`, async () => {
      const expected = { ...ALL, score: lessBy(1), odd: [[name, 'fails', detail]] };
      assert.deepEqual(await probed(scriptedModel({ [name]: events })), expected);
    });
});

test('what is mended counts half, and is named', async () => {
  const mended: ModelEvent = { type: 'repair', kind: 'call_not_closed' };
  const events = [
    mended,
    mended,
    ...called(0, 'get_weather', { city: 'Zürich', days: 3 }),
    used(1, 1),
    finish('tool_calls'),
  ];
  assert.deepEqual(await probed(scriptedModel({ tool: events })), {
    ...ALL,
    score: lessBy(0.5),
    odd: [['tool', 'repaired', 'call_not_closed']],
  });
});

test('an engine that does not come to an end fails in its time, and the rest goes on', async () => {
  const endless: Backend = {
    ...scriptedModel(),
    stream: async function* stream(request, signal) {
      if (request.stop === undefined) yield* scriptedModel().stream(request, signal);
      else await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
  };
  assert.deepEqual(await probed(endless, 300), {
    ...ALL,
    score: lessBy(1),
    odd: [['stop text', 'fails', 'no end within 300 ms']],
  });
});

describe('an engine that can be asked for whole answers', () => {
  const both = (streamed: Backend, { stream: whole }: Backend): Backend => ({ ...streamed, whole });
  const twice = PROBE_CASES.filter(({ onlyStreamed }) => onlyStreamed !== true).length + NAMES.length;

  test('is asked so too, but for what is about pieces', async () => {
    assert.deepEqual(await probed(both(scriptedModel(), scriptedModel())), {
      ...ALL,
      of: twice,
      score: 100,
      odd: [],
    });
  });

  test('and fails where only the whole answer is wrong', async () => {
    const cut = scriptedModel({ tool: [begin(0, 'c', 'get_weather', '{}'), finish('tool_calls')] });
    assert.deepEqual(await probed(both(scriptedModel(), cut)), {
      ...ALL,
      of: twice,
      score: Math.round((1 - 1 / twice) * 100),
      odd: [['tool, whole', 'fails', 'the arguments are others, or cut']],
    });
  });
});

test('whoever stops it gets what there is so far', async () => {
  const stop = new AbortController();
  const told: string[] = [];
  const report = await probeBackend(scriptedModel(), 'm', {
    clock: systemClock,
    timeoutMs: 5000,
    signal: stop.signal,
    told: ({ name }) => {
      told.push(name);
      if (told.length === 3) stop.abort();
    },
  });
  assert.deepEqual([told, report.results.length], [NAMES.slice(0, 3), 3]);
});
