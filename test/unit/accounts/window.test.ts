// The count over the last minute: what it holds, when it lets go, and how it answers how long to wait.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWindow } from '../../../src/accounts/window.ts';
import { seeded } from '../tools/seeded.ts';

const START = 5_000_000;

test('an amount counts for a minute, by the second in which it was added, and then no more', () => {
  const window = createWindow();
  window.add(START, 3);
  assert.equal(window.used(START), 3);
  window.add(START + 30_500, 2);
  const used = [30_500, 59_999, 60_000, 89_999, 90_000, 1_000_000].map((later) => window.used(START + later));
  assert.deepEqual(used, [5, 5, 2, 2, 0, 0]);
});

test('the wait is until enough has left, and the reset until all has', () => {
  const window = createWindow();
  window.add(START, 3);
  window.add(START + 10_000, 2);
  const now = START + 20_000;
  assert.deepEqual(
    [5, 4, 2, 1, 0].map((most) => window.waitFor(now, most)),
    [0, 40_000, 40_000, 50_000, 50_000],
  );
  assert.equal(window.resetMs(now), 50_000);
  assert.equal(window.resetMs(now + 50_000), 0);
  assert.equal(window.waitFor(now + 50_000, 0), 0);
});

test('after the wait that it told there is room, whatever came before', () => {
  const random = seeded(7);
  for (let round = 0; round < 300; round += 1) {
    const window = createWindow();
    let now = START + Math.floor(random() * 100_000);
    for (let count = 0; count < 20; count += 1) {
      window.add(now, Math.ceil(random() * 10));
      now += Math.floor(random() * 9000);
    }
    const most = Math.floor(random() * 30);
    const wait = window.waitFor(now, most);
    if (wait > 0) assert.ok(window.used(now) > most, 'told to wait although there was room');
    assert.ok(wait <= 60_000);
    assert.ok(window.used(now + wait) <= most, `round ${round}: not enough room after the wait`);
  }
});

test('an amount of before is put at its age; one that is a minute old or older is left out', () => {
  const window = createWindow();
  window.restore(START, 10_000, 1);
  window.restore(START, 59_999, 2);
  window.restore(START, 60_000, 4);
  window.restore(START, 3_600_000, 8);
  assert.equal(window.used(START), 3);
  assert.equal(window.used(START + 1000), 1);
  assert.equal(window.used(START + 50_000), 0);
});
