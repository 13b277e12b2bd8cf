// Shows that no part of a key is left in a text.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maskKey } from '../../../../src/backends/openai/mask-key.ts';

test('a key is taken out wherever it stands', () => {
  assert.equal(maskKey('key=sk-abcdef; again sk-abcdef', 'sk-abcdef'), 'key=[key]; again [key]');
});

test('the beginning of a key is taken out where the text was cut', () => {
  for (const part of ['sk-a', 'sk-abc', 'sk-abcde']) assert.equal(maskKey(`key=${part}`, 'sk-abcdef'), 'key=[key]');
});

test('three letters tell nothing, and a beginning in the middle is no key', () => {
  assert.equal(maskKey('sk-', 'sk-abcdef'), 'sk-');
  assert.equal(maskKey('sk-abcd is not it', 'sk-abcdef'), 'sk-abcd is not it');
  assert.equal(maskKey('', 'sk-abcdef'), '');
});
