// Shows which slot takes a prompt, who waits for one, and how tokens become text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createDecoder } from '../../../../src/backends/llama/child/decoder.ts';
import type { Sequence } from '../../../../src/backends/llama/child/library.ts';
import { createSlots } from '../../../../src/backends/llama/child/slots.ts';
import { createLine } from '../../../../src/backends/llama/line.ts';
import { reportSchema } from '../../../../src/backends/llama/wire.ts';

/** A slot that has evaluated these tokens. */
function sequence(held: readonly number[]): Sequence {
  const lacking = () => assert.fail('nothing is evaluated here');
  return {
    nextTokenIndex: held.length,
    needsCheckpoints: false,
    tokenMeter: { usedInputTokens: 0, usedOutputTokens: 0 },
    compareContextTokens: (tokens) => {
      const at = tokens.findIndex((token, index) => token !== held[index]);
      return { firstDifferentIndex: at < 0 ? tokens.length : at };
    },
    adaptStateToTokens: lacking,
    takeCheckpoint: lacking,
    clearHistory: lacking,
    evaluateWithoutGeneratingNewTokens: lacking,
    evaluate: lacking,
  };
}

test('a conversation gets its own slot again, another the one that rests for longest', () => {
  const held = [[1, 2, 3, 4], [1, 2, 9], [7]].map(sequence);
  const slots = createSlots(held);
  const take = (tokens: readonly number[], affinity?: string) => {
    const slot = slots.take(tokens, affinity);
    return slot === undefined ? -1 : held.indexOf(slot.sequence);
  };
  const first = slots.take([7, 8, 8, 8, 8], 'a') ?? assert.fail();
  assert.equal(held.indexOf(first.sequence), 0, 'a fifth of a prompt is not worth it');
  slots.give(first);
  assert.equal(take([1, 2, 3, 4, 5], 'b'), 0, 'most of the prompt is');
  assert.equal(take([1, 5, 5, 5, 5], 'a'), 1, 'its own slot is taken');
  assert.deepEqual([take([1], 'c'), take([1], 'd'), slots.active()], [2, -1, 3]);
  slots.give(first);
  assert.equal(take([1, 5, 5, 5, 5], 'b'), 0, 'a small beginning of its own is enough');
});

test('who comes first is served first, a line has an end, and who leaves it frees its place', async () => {
  const line = createLine(1, 2);
  const never = new AbortController().signal;
  const served: string[] = [];
  const enter = async (name: string, signal = never) => {
    const entering = line.enter(signal);
    assert.ok(entering !== 'full');
    const leave = await entering;
    served.push(name);
    return leave;
  };
  const leave = await enter('first');
  const second = enter('second');
  const gone = new AbortController();
  const third = enter('third', gone.signal);
  assert.equal(line.enter(never), 'full');
  gone.abort(new Error('gone'));
  await assert.rejects(third, /gone/);
  const fourth = enter('fourth');
  leave();
  leave();
  await turn();
  assert.deepEqual(served, ['first', 'second'], 'a place that is given back twice counts once');
  (await second)();
  (await fourth)();
  assert.deepEqual(served, ['first', 'second', 'fourth']);
  await enter('fifth');
});

test('a character whose bytes are spread over tokens comes when it is whole, and broken ones come at last', () => {
  const bytes = (text: string) => [...Buffer.from(text)];
  const decoder = createDecoder({ detokenize: (tokens) => Buffer.from(tokens).toString('utf8') });
  assert.deepEqual(
    bytes('aé🏔').map((byte) => decoder.push(byte)),
    ['a', '', 'é', '', '', '', '🏔'],
  );
  assert.deepEqual([decoder.push(0xf0), decoder.rest(), decoder.rest()], ['', '\uFFFD', '']);
  const broken = Array.from({ length: 8 }, () => decoder.push(0xff));
  assert.deepEqual(broken, ['', '', '', '', '', '', '', '\uFFFD'.repeat(8)]);
});

test('what the process says is checked: another version, another type, a wrong number are none of its words', () => {
  const words = [
    { type: 'counted', id: 1, tokens: 2 },
    { type: 'counted', id: 1, tokens: -2 },
    { type: 'loaded', version: 2, engine: 'x', contextTokens: 1, threads: 1, embeddingSize: 1 },
    { type: 'shell', command: 'x' },
    'text',
  ];
  assert.deepEqual(
    words.map((one) => reportSchema().safeParse(one).success),
    [true, false, false, false, false],
  );
});
