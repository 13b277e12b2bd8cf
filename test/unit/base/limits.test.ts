// Owns the proof that configuration can only narrow a limit. Knows no use of one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS, narrowLimits } from '../../../src/base/limits.ts';

test('a smaller wish is granted, a larger one is not, and the rest stays as it is', () => {
  assert.deepEqual(narrowLimits({ runSteps: 5, runTokens: LIMITS.runTokens + 1, checkTimeoutMs: Infinity }), {
    ...LIMITS,
    runSteps: 5,
  });
});

test('no wish gives the ceilings, and the ceilings themselves are not touched', () => {
  assert.deepEqual(narrowLimits({}), LIMITS);
  assert.notEqual(narrowLimits({ runSteps: 1 }), LIMITS);
  assert.equal(LIMITS.runSteps, 100);
});

test('a name that is no limit is not let in', () => {
  assert.deepEqual(Object.keys(narrowLimits(Object({ nonsense: 1, runSteps: undefined }))), Object.keys(LIMITS));
});

test('every ceiling is a whole positive number', () => {
  for (const [name, value] of Object.entries(LIMITS)) assert.ok(Number.isSafeInteger(value) && value > 0, name);
});

test('the ceilings that hold one another do so', () => {
  assert.ok(LIMITS.commandTimeoutMs <= LIMITS.commandTimeoutMaxMs);
  assert.ok(LIMITS.guidanceBytes < LIMITS.toolResultBytes);
  assert.ok(LIMITS.toolResultBytes < LIMITS.commandOutputBytes);
  assert.ok(LIMITS.toolArgumentBytes <= LIMITS.modelAnswerBytes);
});
