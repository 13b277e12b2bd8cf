// Owns the proof that ids sort by time, are safe where they are used, and do not meet. Knows nothing that has one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isId, newId } from '../../../src/base/ids.ts';

test('ids sort by the millisecond they were made in, however far apart', () => {
  const times = [0, 1, 31, 32, 1023, 1024, 1_700_000_000_000, 1_700_000_000_001, 4_102_444_800_000, 2 ** 49];
  const ids = times.map((time) => newId('run', time));
  assert.deepEqual(ids.toSorted(), ids);
});

test('ids of one millisecond differ', () => {
  const ids = new Set(Array.from({ length: 10_000 }, () => newId('run', 1_700_000_000_000)));
  assert.equal(ids.size, 10_000);
});

test('ids of one millisecond share their first ten characters and no more on the whole', () => {
  const [first, second] = [newId('run', 1_700_000_000_000), newId('run', 1_700_000_000_000)];
  assert.equal(first.slice(0, 14), second.slice(0, 14));
  assert.notEqual(first.slice(14), second.slice(14));
});

test('an id is prefix, underscore, 26 characters that need no escape anywhere', () => {
  for (let index = 0; index < 1000; index += 1) assert.match(newId('evt', Date.now()), /^evt_[0-9a-hjkmnp-tv-z]{26}$/);
});

test('every random character of the alphabet comes up at every place', () => {
  const ids = Array.from({ length: 3000 }, () => newId('x', 0).slice(12));
  for (let place = 0; place < 16; place += 1)
    assert.equal(new Set(ids.map((id) => id.charAt(place))).size, 32, `place ${place}`);
});

test('an id is told from a stranger', () => {
  const id = newId('run', 5);
  const strangers = [
    `${id}0`,
    id.slice(0, -1),
    id.toUpperCase(),
    id.replace('run_', 'evt_'),
    id.replace('run_', ''),
    `${id.slice(0, -1)}i`,
    `${id.slice(0, -1)}/`,
    `${id}\n`,
    'run_../../../../../../../../etc',
    '',
  ];
  assert.equal(isId('run', id), true);
  assert.deepEqual(
    strangers.filter((stranger) => isId('run', stranger)),
    [],
  );
});
