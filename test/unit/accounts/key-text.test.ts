// The form of a key: enough randomness, and a checksum that knows a slip of the finger.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWellFormed, newKey, prefixOf } from '../../../src/accounts/key-text.ts';

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

test('a key is csn_, 43 letters or digits of randomness and 6 of a checksum', () => {
  const keys = Array.from({ length: 1000 }, newKey);
  assert.deepEqual(
    keys.filter((key) => !/^csn_[0-9A-Za-z]{49}$/.test(key) || !isWellFormed(key)),
    [],
  );
  assert.equal(new Set(keys).size, 1000);
});

test('over a thousand keys every place but the first holds every letter', () => {
  const keys = Array.from({ length: 1000 }, newKey);
  const poor = Array.from({ length: 42 }, (_, at) => new Set(keys.map((key) => key.charAt(5 + at))).size);
  assert.deepEqual(
    poor.filter((count) => count < 60),
    [],
  );
});

test('any one letter changed, and any two neighbours swapped, make it no key', () => {
  const key = newKey();
  const accepted: string[] = [];
  for (let at = 0; at < key.length; at += 1) {
    for (const letter of LETTERS) {
      const changed = key.slice(0, at) + letter + key.slice(at + 1);
      if (changed !== key && isWellFormed(changed)) accepted.push(changed);
    }
    const swapped = key.slice(0, at) + key.charAt(at + 1) + key.charAt(at) + key.slice(at + 2);
    if (swapped !== key && isWellFormed(swapped)) accepted.push(swapped);
  }
  assert.deepEqual(accepted, []);
});

test('what is not a key at all is no key', () => {
  const key = newKey();
  const others = ['', 'csn_', key.slice(0, -1), `${key}0`, ` ${key}`, `${key}\n`, key.toUpperCase(), key.slice(4)];
  assert.deepEqual(
    others.filter((text) => isWellFormed(text)),
    [],
  );
});

test('of a key the first eight letters may be shown', () => {
  const key = newKey();
  assert.equal(prefixOf(key), key.slice(0, 12));
});
