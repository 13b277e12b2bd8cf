// Shows that what engines were seen to send becomes the same events, however the bytes are cut, and that a cut answer is never whole.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { joined, readBytes, readJoined } from './read-bytes.ts';
import { CUT } from './frames.ts';
import { TRANSCRIPTS } from './transcripts.ts';

describe('what engines send', () => {
  for (const { name, bytes, events } of TRANSCRIPTS)
    test(name, () => assert.deepEqual(readBytes([Buffer.from(bytes)]), events));
});

describe('the bytes of an answer', () => {
  for (const { name, bytes, events } of TRANSCRIPTS) {
    const whole = Buffer.from(bytes);
    test(`cut in two at any byte give the same: ${name}`, () => {
      for (let at = 0; at <= whole.length; at += 1)
        assert.deepEqual(readBytes([whole.subarray(0, at), whole.subarray(at)]), events, `cut at ${at}`);
    });
    test(`one by one give the same: ${name}`, () => {
      assert.deepEqual(readBytes(Array.from(whole, (byte) => Uint8Array.of(byte))), events);
    });
    test(`read with events that are alike together say the same, in one piece and cut at any byte: ${name}`, () => {
      assert.deepEqual(readJoined([whole]), joined(events));
      for (let at = 0; at <= whole.length; at += 1)
        assert.deepEqual(readJoined([whole.subarray(0, at), whole.subarray(at)]), joined(events), `cut at ${at}`);
    });
  }
});

describe('an answer that ends too early', () => {
  const finished = TRANSCRIPTS.filter(({ events }) => events.at(-1)?.type === 'finish');
  for (const { name, bytes, events } of finished) {
    test(`is an error at every byte before its finish, and no call of it is whole: ${name}`, () => {
      const whole = Buffer.from(bytes);
      for (let length = 0; length < whole.length; length += 1) {
        const got = readBytes([whole.subarray(0, length)]);
        if (got.at(-1)?.type === 'finish') return assertLastWords(got, events, length);
        assert.deepEqual(got.at(-1), CUT, `after ${length} bytes`);
        assert.deepEqual(got.filter(isWhole), [], `after ${length} bytes`);
      }
    });
  }
});

/** From the finish on only usage may be missing. */
function assertLastWords(got: readonly ModelEvent[], events: readonly ModelEvent[], length: number): void {
  const expected = events.filter(({ type }) => type !== 'usage');
  assert.deepEqual(
    got.filter(({ type }) => type !== 'usage'),
    expected,
    `after ${length} bytes`,
  );
}

function isWhole(event: ModelEvent): boolean {
  return event.type === 'tool_call' && event.complete;
}
