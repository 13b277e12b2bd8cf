// Sessions of people at browsers: kept by hash, never without end, and never more than memory is meant to hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSessions, SESSION_MS } from '../../../src/accounts/people/sessions.ts';
import type { Principal } from '../../../src/contracts/accounts.ts';

const ADA: Principal = { id: 'oidc_1', name: 'ada', team: 'red', roles: ['admin'] };
const MINUTE = 60_000;

function start() {
  const clock = { now: 5 };
  return { clock, sessions: createSessions({ monotonic: () => clock.now }) };
}

test('each session has a secret of its own that finds the person, until it is ended', () => {
  const { sessions } = start();
  const [one, other] = [sessions.begin(ADA), sessions.begin({ ...ADA, id: 'oidc_2' })];
  assert.match(one, /^[\w-]{43}$/);
  assert.notEqual(one, other);
  assert.deepEqual([sessions.find(one), sessions.find(other)?.id], [ADA, 'oidc_2']);
  sessions.end(one);
  sessions.end('unknown');
  assert.deepEqual([sessions.find(one), sessions.find(other)?.id], [undefined, 'oidc_2']);
});

test('a session ends an hour after its last use, to the millisecond', () => {
  const { sessions, clock } = start();
  const secret = sessions.begin(ADA);
  clock.now += 60 * MINUTE - 1;
  assert.deepEqual(sessions.find(secret), ADA);
  clock.now += 60 * MINUTE;
  assert.equal(sessions.find(secret), undefined);
  clock.now -= 60 * MINUTE;
  assert.equal(sessions.find(secret), undefined, 'what was over does not come back');
});

test('a session in use ends all the same, as long after its beginning as a session lasts', () => {
  const { sessions, clock } = start();
  const secret = sessions.begin(ADA);
  for (const end = clock.now + SESSION_MS; clock.now + MINUTE < end; clock.now += MINUTE)
    assert.deepEqual(sessions.find(secret), ADA);
  clock.now += MINUTE;
  assert.equal(sessions.find(secret), undefined);
});

test('where there are too many the oldest ends, and those that are over make room first', () => {
  const { sessions, clock } = start();
  const over = Array.from({ length: 5000 }, () => sessions.begin(ADA));
  clock.now += 60 * MINUTE;
  const kept = Array.from({ length: 10_000 }, () => sessions.begin(ADA));
  assert.deepEqual(sessions.find(over[4999] ?? ''), undefined);
  assert.deepEqual(sessions.find(kept[0] ?? ''), ADA);
  sessions.begin(ADA);
  assert.deepEqual([sessions.find(kept[0] ?? ''), sessions.find(kept[1] ?? '')], [undefined, ADA]);
});
