// What an answer used: exact where it came whole and the engine said so, a guess where it was cut, nothing where nothing was done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { createCounting, guessPromptTokens } from '../../../src/gateway/admission/counting.ts';
import type { UsedAmount } from '../../../src/gateway/ports.ts';

const USAGE: ModelEvent = { type: 'usage', promptTokens: 50, completionTokens: 7, cachedTokens: 20 };
const STOP: ModelEvent = { type: 'finish', reason: 'stop' };
const TEXT: ModelEvent = { type: 'text', text: 'x'.repeat(40) };
const failed = (code: 'aborted' | 'backend_failed'): ModelEvent => ({
  type: 'error',
  code,
  message: '',
  retryable: true,
});

function amountOf(...events: readonly ModelEvent[]): UsedAmount | undefined {
  const counting = createCounting(100);
  for (const event of events) counting.hear(event);
  return counting.amount(true);
}

const guess = (completionTokens: number): UsedAmount => ({
  exact: false,
  promptTokens: 100,
  completionTokens,
  cachedTokens: 0,
});
const exact: UsedAmount = { exact: true, promptTokens: 50, completionTokens: 7, cachedTokens: 20 };

test('a whole answer is what the engine says, in whichever order it says it', () => {
  assert.deepEqual(amountOf(TEXT, STOP, USAGE), exact);
  assert.deepEqual(amountOf(TEXT, USAGE, STOP), exact);
});

test('an answer that was cut, or whose engine says nothing, is guessed from its characters', () => {
  assert.deepEqual(amountOf(TEXT, STOP), guess(10));
  assert.deepEqual(amountOf(TEXT), guess(10));
  assert.deepEqual(amountOf(TEXT, failed('backend_failed')), guess(10));
  const call: ModelEvent = { type: 'tool_call', index: 0, name: 'f', arguments: 'y'.repeat(20), complete: false };
  assert.deepEqual(amountOf({ type: 'reasoning', text: 'abcd' }, TEXT, call), guess(1 + 10 + 5));
});

test('usage that came before a cut is kept, but never less than what was seen, and it is no exact one', () => {
  assert.deepEqual(amountOf(USAGE, TEXT), { ...exact, exact: false, completionTokens: 10 });
  assert.deepEqual(amountOf(TEXT, USAGE, { type: 'finish', reason: 'abort' }), {
    ...exact,
    exact: false,
    completionTokens: 10,
  });
});

test('an engine that refused or was never asked used nothing; one that was left before it spoke read the prompt', () => {
  assert.equal(amountOf(failed('backend_failed')), undefined);
  assert.equal(createCounting(100).amount(false), undefined);
  assert.deepEqual(amountOf(), guess(0));
  assert.deepEqual(amountOf(failed('aborted')), guess(0));
});

test('the guess of a prompt is a quarter of its characters, calls and reasoning included', () => {
  assert.equal(guessPromptTokens({ messages: [] }), 0);
  assert.equal(
    guessPromptTokens({
      messages: [
        { role: 'system', content: 'x'.repeat(8) },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'x'.repeat(8) },
            { type: 'image', url: 'data:image/png;base64,' + 'A'.repeat(10_000) },
          ],
        },
        {
          role: 'assistant',
          content: 'xxxx',
          reasoning: 'xxxx',
          toolCalls: [{ id: 'call_1', name: 'read', arguments: '{"a":1}x' }],
        },
        { role: 'tool', callId: 'call_1', content: 'xxxx' },
      ],
    }),
    2 + 2 + 1 + 1 + 1 + 2 + 1,
  );
});
