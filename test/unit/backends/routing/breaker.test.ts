// When a replica gets no requests, and how it comes back.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Breaker, createBreaker } from '../../../../src/backends/routing/breaker.ts';

/** Fails as many times as it takes, at one moment. */
function failures(breaker: Breaker, now: number): number {
  for (let count = 1; count < 100; count += 1) {
    breaker.failed(now, false);
    if (breaker.trust(now) !== 'closed') return count;
  }
  return Number.POSITIVE_INFINITY;
}

describe('a replica gets nothing for a while', () => {
  test('when there is nobody, at once; when it fails at the work, after three in a row', () => {
    const gone = createBreaker();
    gone.failed(0, true);
    assert.deepEqual(
      [gone.trust(0), gone.trust(4999), gone.trust(5000), gone.openUntil()],
      ['open', 'open', 'trial', 5000],
    );
    assert.equal(failures(createBreaker(), 0), 3);
  });

  test('when every second answer fails for long, and not when one of ten does', () => {
    const steady = createBreaker();
    for (let count = 0; count < 200; count += 1)
      if (count % 10 === 0) steady.failed(0, false);
      else steady.answered(0);
    assert.equal(steady.trust(0), 'closed');
    const flapping = createBreaker();
    let opened = false;
    for (let count = 0; count < 20; count += 1) {
      flapping.answered(0);
      flapping.failed(0, false);
      opened ||= flapping.trust(0) === 'open';
    }
    assert.equal(opened, true);
  });
});

describe('one that was away', () => {
  test('gets one request as a trial, and all when its answer begins', () => {
    const breaker = createBreaker();
    breaker.failed(0, true);
    breaker.began(5000);
    assert.equal(breaker.trust(5000), 'open');
    breaker.heard(5001);
    assert.deepEqual([breaker.trust(5001), breaker.openUntil()], ['closed', undefined]);
    assert.equal(failures(breaker, 5002), 1);
  });

  test('is left alone for longer each time the trial fails, a minute at most, and begins anew when it was well for a minute', () => {
    const breaker = createBreaker();
    const lengths: number[] = [];
    let now = 0;
    breaker.failed(now, true);
    for (let round = 0; round < 6; round += 1) {
      const until = breaker.openUntil() ?? 0;
      lengths.push(until - now);
      now = until;
      breaker.began(now);
      breaker.failed(now, true);
    }
    assert.deepEqual(lengths, [5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    now = breaker.openUntil() ?? 0;
    breaker.began(now);
    breaker.answered(now);
    now += 60_000;
    breaker.failed(now, true);
    assert.equal(breaker.openUntil(), now + 5000);
  });

  test('is tried again where a trial never ended, and what was on its way when it went says nothing new', () => {
    const breaker = createBreaker();
    breaker.failed(0, true);
    breaker.failed(10, true);
    assert.equal(breaker.openUntil(), 5000);
    breaker.began(5000);
    assert.deepEqual([breaker.trust(34_999), breaker.trust(35_000)], ['open', 'trial']);
  });

  test('comes back sooner when it says that it is there, but not when it failed at the work', () => {
    const gone = createBreaker();
    gone.failed(0, true);
    gone.reported(true, 1000);
    assert.equal(gone.trust(1000), 'trial');
    const liar = createBreaker();
    failures(liar, 0);
    liar.reported(true, 1000);
    assert.equal(liar.trust(1000), 'open');
  });

  test('goes when its own endpoint says so', () => {
    const breaker = createBreaker();
    breaker.reported(true, 0);
    assert.equal(breaker.trust(0), 'closed');
    breaker.reported(false, 0);
    assert.equal(breaker.trust(0), 'open');
    breaker.reported(true, 1);
    assert.equal(breaker.trust(1), 'trial');
  });
});
