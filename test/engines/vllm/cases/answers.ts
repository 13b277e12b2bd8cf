// Owns the tests of answers as they should be: the plays come out word for word, by whichever way. Knows no trap.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DIALECTS } from '../dialects.ts';
import { cueFor, type PlayName } from '../plays.ts';
import { CONTEXT, MODEL } from '../server.ts';
import { ask, EACH, eventsOf, type OnStage } from '../stage.ts';
import { playOf, toldBy } from '../told.ts';

const PLAYED: readonly PlayName[] = ['greeting', 'weather', 'files', 'absent', 'musing'];
const MANY = 64;

export function testAnswers(on: OnStage): void {
  describe('what the model plays is what the backend says', () => {
    for (const play of PLAYED)
      test(play, EACH, async () => {
        assert.deepEqual(toldBy(await eventsOf(on().backend, ask(play))), playOf(play));
      });

    test('the second turn of a conversation with the result of a tool', EACH, async () => {
      const { thinking, text, calls } = playOf('weather');
      const toolCalls = calls.map((call, at) => ({
        id: `call_${at}`,
        name: call.name,
        arguments: JSON.stringify(call.arguments),
      }));
      const request = ask('weather', {
        messages: [
          { role: 'system', content: 'You know the weather.' },
          { role: 'user', content: cueFor('weather') },
          { role: 'assistant', content: text, reasoning: thinking, toolCalls },
          { role: 'tool', callId: 'call_0', content: 'sunny' },
        ],
      });
      assert.deepEqual(toldBy(await eventsOf(on().backend, request)), playOf('weather', 1));
    });

    test('arguments come in a stream, typed by the schema, each call closed before the end', EACH, async () => {
      const events = await eventsOf(on().backend, ask('files'));
      const calls = events.filter((event) => event.type === 'tool_call');
      assert.ok(calls.length > 10, `${calls.length} events`);
      assert.deepEqual(
        calls.filter(({ complete }) => complete).map(({ index }) => index),
        [0, 1],
      );
      assert.deepEqual(new Set(calls.flatMap(({ id }) => id ?? [])).size, 2);
      assert.deepEqual(events.at(-1), { type: 'finish', reason: 'tool_calls' });
    });
  });

  describe('clients of every dialect are told the same', () => {
    for (const [dialect, say] of Object.entries(DIALECTS))
      for (const play of PLAYED)
        test(`${dialect}: ${play}`, EACH, async () => {
          assert.deepEqual(await say(on().service, { play }), playOf(play));
        });
  });

  test(`${MANY} streams at once are each answered as one`, EACH, async () => {
    const stream = DIALECTS['chat, streamed'];
    assert.ok(stream !== undefined);
    const plays = Array.from({ length: MANY }, (_, at) => PLAYED[at % PLAYED.length] ?? 'greeting');
    const told = await Promise.all(plays.map((play) => stream(on().service, { play })));
    assert.deepEqual(
      told,
      plays.map((play) => playOf(play)),
    );
  });

  test('the tokens that the engine counts beforehand are those of its usage', EACH, async () => {
    for (const request of [
      ask('weather'),
      ask('greeting', { tools: [] }),
      ask('files', { thinking: { enabled: false } }),
    ]) {
      const counted = await on().backend.countTokens?.(request, AbortSignal.timeout(10_000));
      const usage = (await eventsOf(on().backend, request)).findLast((event) => event.type === 'usage');
      assert.ok(counted !== undefined && counted > 10, String(counted));
      assert.equal(usage?.promptTokens, counted);
    }
  });

  test('tokens that come from the cache are told', EACH, async () => {
    const salt = `${process.pid} ${Date.now()}`;
    const request = ask('greeting', {
      tools: [],
      messages: [{ role: 'user', content: cueFor('greeting', `${salt} ${'word '.repeat(800)}`) }],
    });
    const usage = async () => (await eventsOf(on().backend, request)).findLast((event) => event.type === 'usage');
    const [first, second] = [await usage(), await usage()];
    assert.equal(first?.cachedTokens ?? 0, 0);
    const cached = second?.cachedTokens ?? 0;
    assert.ok(cached >= 512 && cached % 128 === 0 && cached < (second?.promptTokens ?? 0), JSON.stringify(second));
  });

  test('the model that is served is known with its window', EACH, async () => {
    const models = await on().backend.models(AbortSignal.timeout(10_000));
    assert.deepEqual(models, [{ id: MODEL, backend: 'vllm', contextTokens: CONTEXT }]);
  });
}
