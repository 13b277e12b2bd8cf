// Shows how the words of an engine that only writes text become the events of an answer, and what a model is sampled with.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isId } from '../../../../src/base/ids.ts';
import { readChat, readText, type TextPiece } from '../../../../src/backends/text/answer.ts';
import { likedSampling, samplingOf } from '../../../../src/backends/text/sampling.ts';
import type { ModelProfile } from '../../../../src/contracts/model-profile.ts';
import type { OutputReader } from '../../../../src/prompting/format.ts';
import { failed, finish, gather, requestOf, say, think, used } from '../events.ts';

async function* from(pieces: readonly TextPiece[]): AsyncGenerator<TextPiece> {
  yield* pieces;
}

const CLOCK = { now: () => 0 };
const usage = { promptTokens: 3, completionTokens: 2 };
const END: TextPiece = { type: 'end', reason: 'stop', usage, stop: '\n' };

/** Takes every word as thought, and a call at the end. */
const reader: OutputReader = {
  push: (text) => [think(text)],
  end: (reason) => [
    { type: 'tool_call', index: 0, name: 'bash', complete: false },
    { type: 'tool_call', index: 0, arguments: '{}', complete: true },
    { type: 'tool_call', index: 1, id: 'mine', name: 'bash', complete: true },
    finish(reason),
  ],
};

test('words of a conversation are read, calls get ids where they have none, and the end says what stopped it', async () => {
  const events = await gather(readChat(from([{ type: 'text', text: 'a' }, END]), reader, CLOCK));
  const [, , call] = events;
  assert.ok(call?.type === 'tool_call' && isId('call', call.id ?? ''));
  assert.deepEqual(events, [
    think('a'),
    used(3, 2),
    { type: 'tool_call', index: 0, id: call.id, name: 'bash', complete: false },
    { type: 'tool_call', index: 0, arguments: '{}', complete: true },
    { type: 'tool_call', index: 1, id: 'mine', name: 'bash', complete: true },
    { ...finish('stop'), stop: '\n' },
  ]);
});

test('a text that goes on is passed on as it is; a failure is the last event, without an end', async () => {
  const text: TextPiece = { type: 'text', text: '<think>' };
  const event = failed('gone');
  assert.deepEqual(await gather(readText(from([text, { type: 'end', reason: 'length' }]))), [
    say('<think>'),
    finish('length'),
  ]);
  assert.deepEqual(await gather(readText(from([text, { type: 'failed', event }]))), [say('<think>'), event]);
  assert.deepEqual(await gather(readChat(from([text, { type: 'failed', event }]), reader, CLOCK)), [
    think('<think>'),
    event,
  ]);
});

test('a client’s numbers stand before those that the model likes, and what nobody says is left to the engine', () => {
  const sampling = { thinking: { temperature: 1, topP: 0.95 }, toolCalls: { temperature: 0.2 }, text: { topK: 5 } };
  const profile = { sampling } as ModelProfile;
  const asked = requestOf([], { temperature: 0, seed: 7 });
  assert.deepEqual(
    [
      samplingOf(asked, likedSampling(asked, profile, true)),
      samplingOf(asked, likedSampling(asked, profile, false)),
      samplingOf(requestOf([]), likedSampling({ tools: [] }, profile, true)),
      likedSampling({ tools: [{ name: 'x', description: '', parameters: {} }] }, profile, true),
      samplingOf(requestOf([]), likedSampling({}, undefined, true)),
    ],
    [
      { temperature: 0, topP: 0.95, seed: 7 },
      { temperature: 0, topK: 5, seed: 7 },
      sampling.thinking,
      sampling.toolCalls,
      {},
    ],
  );
});
