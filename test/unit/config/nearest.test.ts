// Shows which mistyped words are recognised.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../src/config/nearest.ts';

const WORDS = ['port', 'host', 'backends', 'single_user', 'allowed_hosts'];

test('a swap, a missing, a wrong and a surplus letter are recognised, and capitals do not count', () => {
  const guesses = ['prot', 'pot', 'pprt', 'hostt', 'Backend', 'single-user', 'allowed_host'].map((word) =>
    nearest(word, WORDS),
  );
  assert.deepEqual(guesses, ['port', 'port', 'port', 'host', 'backends', 'single_user', 'allowed_hosts']);
});

test('a word that is near to nothing gets no guess', () => {
  assert.deepEqual(
    ['colour', 'xx', ''].map((word) => nearest(word, WORDS)),
    [undefined, undefined, undefined],
  );
});

test('of several the nearest is taken', () => {
  assert.equal(nearest('limits_run', ['limits_ran_far', 'limits_ru']), 'limits_ru');
});
