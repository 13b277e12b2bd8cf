// Shows how an answer in one piece is asked for and read: the same events as those of a stream, and words for what is no answer.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { begin, failed, finish, gather, HELLO, patient, say, think, used, whole } from '../events.ts';
import { backendAt, sendJson, sendStream, startEndpoint } from './scripted-endpoint.ts';
import { chunk, DONE } from './frames.ts';

const CALL = { id: 'c', type: 'function', function: { name: 'bash', arguments: '{"command":"ls"}' } };
const USAGE = { prompt_tokens: 5, completion_tokens: 2 };

const answer = (message: object, finish_reason: string, inner: object = {}) => ({
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason, ...inner }],
  usage: USAGE,
});

async function asked(t: TestContext, body: unknown, limits = {}) {
  const endpoint = await startEndpoint(t, (response) => sendJson(response, 200, body));
  const backend = backendAt(endpoint.url, { limits });
  assert.ok(backend.whole !== undefined);
  return { events: await gather(backend.whole(HELLO, patient())), asked: endpoint.asked };
}

describe('an answer in one piece', () => {
  test('is asked for as such', async (t) => {
    const { asked: requests } = await asked(t, answer({ content: 'yes' }, 'stop'));
    const bodies = requests.map(({ body }) => body as Readonly<Record<string, unknown>>);
    assert.deepEqual(
      bodies.map(({ model, stream, stream_options }) => ({ model, stream, stream_options })),
      [{ model: 'm', stream: false, stream_options: undefined }],
    );
  });

  const cases: readonly (readonly [name: string, body: unknown, events: readonly unknown[]])[] = [
    ['with text', answer({ content: 'yes' }, 'stop'), [used(5, 2), say('yes'), finish('stop')]],
    [
      'with thought, text and two calls',
      answer({ reasoning: 'hm', content: 'Look.', tool_calls: [CALL, { ...CALL, id: 'd' }] }, 'tool_calls'),
      [
        think('hm'),
        say('Look.'),
        begin(0, 'c', 'bash', '{"command":"ls"}'),
        begin(1, 'd', 'bash', '{"command":"ls"}'),
        whole(0),
        whole(1),
        used(5, 2),
        finish('tool_calls'),
      ],
    ],
    [
      'with the older name of thought, and the stop that ended it',
      answer({ reasoning_content: 'hm', content: 'a' }, 'stop', { stop_reason: 'END' }),
      [think('hm'), say('a'), used(5, 2), { type: 'finish', reason: 'stop', stop: 'END' }],
    ],
    [
      'with a call that was cut, which looks whole here',
      answer({ tool_calls: [{ ...CALL, function: { name: 'bash', arguments: '{}' } }] }, 'tool_calls'),
      [begin(0, 'c', 'bash', '{}'), whole(0), used(5, 2), finish('tool_calls')],
    ],
  ];
  for (const [name, body, events] of cases)
    test(name, async (t) => {
      const { events: told } = await asked(t, body);
      const order = (list: readonly unknown[]) => list.map((event) => JSON.stringify(event)).toSorted();
      assert.deepEqual(order(told), order(events));
      assert.deepEqual(told.at(-1), events.at(-1));
    });
});

describe('no answer in one piece', () => {
  test('is an error of the engine, which is told', async (t) => {
    const { events } = await asked(t, { error: { message: 'out of memory' } });
    assert.deepEqual(events, [failed('the endpoint failed: out of memory')]);
  });

  test('is one that is too long', async (t) => {
    const { events } = await asked(t, answer({ content: 'x'.repeat(5000) }, 'stop'), { modelAnswerBytes: 1000 });
    assert.deepEqual(
      events.map((event) => (event.type === 'error' ? event.code : event.type)),
      ['backend_failed'],
    );
  });

  for (const body of [[], 'yes', { choices: 3 }, { id: 'x' }])
    test(`is ${JSON.stringify(body)}`, async (t) => {
      const { events } = await asked(t, body);
      assert.deepEqual(
        events.map((event) => (event.type === 'error' ? event.code : event.type)),
        ['backend_garbage'],
      );
    });

  test('is a stream', async (t) => {
    const endpoint = await startEndpoint(t, (response) => sendStream(response, chunk({ content: 'y' }, 'stop'), DONE));
    const { whole: ask } = backendAt(endpoint.url);
    const [event] = ask === undefined ? [] : await gather(ask(HELLO, patient()));
    assert.ok(event?.type === 'error' && event.code === 'backend_garbage', JSON.stringify(event));
    assert.match(event.message, /a whole chat answer/);
  });
});
