// Shows which mistyped words are recognised.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closestWord, relatedWord } from '../../../src/base/closest.ts';

const WORDS = ['port', 'host', 'backends', 'single_user', 'allowed_hosts'];

test('a swap, a missing, a wrong and a surplus letter are recognised, and capitals do not count', () => {
  const guesses = ['prot', 'pot', 'pprt', 'hostt', 'Backend', 'single-user', 'allowed_host'].map((word) =>
    closestWord(word, WORDS),
  );
  assert.deepEqual(guesses, ['port', 'port', 'port', 'host', 'backends', 'single_user', 'allowed_hosts']);
});

test('a word that is near to nothing gets no guess', () => {
  assert.deepEqual(
    ['colour', 'xx', ''].map((word) => closestWord(word, WORDS)),
    [undefined, undefined, undefined],
  );
});

test('of several the nearest is taken', () => {
  assert.equal(closestWord('limits_run', ['limits_ran_far', 'limits_ru']), 'limits_ru');
});

test('a short word is not taken for a long one, and a long one is compared by its beginning', () => {
  assert.deepEqual(
    ['a', 'ab', 'x'.repeat(100_000)].map((word) => closestWord(word, [...WORDS, 'x'.repeat(100)])),
    [undefined, undefined, 'x'.repeat(100)],
  );
});

test('a related word is one that holds the given one or is held by it, where none is close', () => {
  const guesses = ['file_path', 'old_string', 'Old', 'pat', 'colour', 'ol', ''].map((word) =>
    relatedWord(word, ['path', 'old', 'new', 'all', 'patch']),
  );
  assert.deepEqual(guesses, ['path', 'old', 'old', 'path', undefined, 'old', undefined]);
});
