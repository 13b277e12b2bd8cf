// Owns the tests of answers that look whole and are not: no call may come of them that the model did not write to its end. Knows no death.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DIALECTS } from '../dialects.ts';
import { ask, EACH, eventsOf, type OnStage } from '../stage.ts';
import { toldBy } from '../told.ts';

/** Long enough to be in the middle of the call, which begins after some 20 tokens. */
const SHORT = 60;

export function testTraps(on: OnStage): void {
  test('a call that the limit cut is never whole', EACH, async () => {
    const { calls, ...rest } = toldBy(await eventsOf(on().backend, ask('cut', { maxTokens: SHORT })));
    assert.deepEqual(rest, { thinking: 'A long call.', text: '', end: 'length' });
    assert.deepEqual(
      calls.map(({ name, whole }) => [name, whole]),
      [['get_weather', false]],
    );
    assert.match(String(calls[0]?.arguments), /^\{"city": "Basel, and so on/);
  });

  test('a call that the model did not close is never whole', EACH, async () => {
    const { calls } = toldBy(await eventsOf(on().backend, ask('unclosed')));
    assert.deepEqual(
      calls.map(({ name, whole }) => [name, whole]),
      [['get_weather', false]],
    );
  });

  test('a tool that nobody offered is told as the model called it', EACH, async () => {
    const told = toldBy(await eventsOf(on().backend, ask('unknown')));
    assert.deepEqual(told, {
      thinking: 'A tool that nobody has.',
      text: '',
      calls: [{ name: 'remove_all', arguments: { path: '/' }, whole: true }],
      end: 'tool_calls',
    });
  });

  describe('no client is given an answer with a cut call in it', () => {
    for (const [dialect, say] of Object.entries(DIALECTS))
      test(dialect, EACH, async () => {
        const how = await say(on().service, { play: 'cut', limit: SHORT }).then(
          (told) => JSON.stringify(told),
          ({ status, message }: Error & { status?: number }) => (status === undefined ? 'the stream broke' : message),
        );
        if (dialect.endsWith('streamed')) assert.equal(how, 'the stream broke');
        else assert.match(how, /502.*the limit on tokens was reached inside the tool call/);
      });
  });
}
