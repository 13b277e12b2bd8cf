// Which replica a request goes to: where its conversation was, unless too much is there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../../../src/backends/routing/affinity.ts';
import { type Conversations, createConversations } from '../../../../src/backends/routing/conversations.ts';
import { type Candidate, pick } from '../../../../src/backends/routing/pick.ts';

interface Stand extends Candidate {
  readonly name: string;
  readonly conversations: Conversations;
  inFlight: number;
}

function stand(name: string, more: Partial<Stand> = {}): Stand {
  return { name, seed: keyOf(name), weight: 1, places: 64, inFlight: 0, conversations: createConversations(), ...more };
}

const KEYS = Array.from({ length: 4000 }, (_, index) => keyOf(`run_${index}`));
const four = () => ['a', 'b', 'c', 'd'].map((name) => stand(name));

function shares(candidates: readonly Stand[]): Readonly<Record<string, number>> {
  const counts = new Map(candidates.map(({ name }) => [name, 0]));
  for (const key of KEYS) {
    const name = pick(candidates, key)?.name ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].map(([name, count]) => [name, Math.round((count / KEYS.length) * 20) / 20]));
}

test('conversations are spread evenly, or by weight', () => {
  assert.deepEqual(shares(four()), { a: 0.25, b: 0.25, c: 0.25, d: 0.25 });
  const weighted = [stand('a', { weight: 3 }), stand('b'), stand('c'), stand('d', { weight: 5 })];
  assert.deepEqual(shares(weighted), { a: 0.3, b: 0.1, c: 0.1, d: 0.5 });
});

test('when a replica goes, only its conversations move; when it is back, they are where they were', () => {
  const before = KEYS.map((key) => pick(four(), key)?.name);
  const without = KEYS.map(
    (key) =>
      pick(
        four().filter(({ name }) => name !== 'b'),
        key,
      )?.name,
  );
  const moved = before.filter((name, index) => name !== without[index]);
  assert.deepEqual([...new Set(moved)], ['b']);
  assert.ok(moved.length > KEYS.length / 5);
  const reversed = KEYS.map((key) => pick(four().toReversed(), key)?.name);
  assert.deepEqual(reversed, before);
});

test('a replica with more than its part of the work gives the next conversation to the next in its order', () => {
  const all = four();
  const key = KEYS[0] ?? 0;
  const home = pick(all, key) ?? assert.fail();
  home.inFlight = 31;
  assert.equal(pick(all, key), home);
  home.inFlight = 32;
  const second = pick(all, key) ?? assert.fail();
  assert.notEqual(second, home);
  assert.equal(
    pick(
      all.filter((one) => one !== home),
      key,
    ),
    second,
  );
  for (const one of all) if (one !== home) one.inFlight = 32;
  assert.equal(pick(all, key), home);
});

test('no replica gets more than one and a quarter of its part while the others have room', () => {
  const all = four().map((one) => ({ ...one, places: 500 }));
  const key = KEYS[1] ?? 0;
  for (let count = 0; count < 1000; count += 1) (pick(all, key) ?? assert.fail()).inFlight += 1;
  for (const { inFlight } of all) assert.ok(inFlight <= 1.25 * 250 + 1, `${inFlight}`);
});

test('without a key the one with least in flight for its weight is asked, and one that is full only where all are', () => {
  const all = [stand('a', { inFlight: 2 }), stand('b', { inFlight: 1 }), stand('c', { inFlight: 5, weight: 6 })];
  assert.deepEqual([pick(all, undefined)?.name, pick([], undefined), pick([], 1)], ['c', undefined, undefined]);
  const full = [stand('a', { inFlight: 2, places: 2, weight: 9 }), stand('b', { inFlight: 60 })];
  assert.equal(pick(full, undefined)?.name, 'b');
  const allFull = [stand('a', { inFlight: 2, places: 2 }), stand('b', { inFlight: 64 })];
  assert.deepEqual([pick(allFull, undefined)?.name, pick(allFull, KEYS[2])?.name], ['a', 'a']);
});

test('no replica gets more than one and a quarter of its part of the conversations, whatever waits for its tools', () => {
  const all = [stand('a', { weight: 2 }), stand('b'), stand('c'), stand('d')];
  for (const key of KEYS) (pick(all, key) ?? assert.fail()).conversations.came(key, 0);
  for (const { name, weight, conversations } of all) {
    const part = (KEYS.length * weight) / 5;
    assert.ok(conversations.count() <= 1.25 * part + 1, `${name}: ${conversations.count()} of ${part}`);
  }
  assert.equal(
    all.reduce((sum, { conversations }) => sum + conversations.count(), 0),
    KEYS.length,
  );
});

test('a conversation stays where it was, even when its home has room again, and goes home when it was there as well', () => {
  const all = four();
  const key = KEYS[2] ?? 0;
  const home = pick(all, key) ?? assert.fail();
  const other = all.find((one) => one !== home) ?? assert.fail();
  other.conversations.came(key, 0);
  for (const one of KEYS.slice(100, 110)) other.conversations.came(one, 0);
  assert.equal(pick(all, key), other);
  home.conversations.came(key, 0);
  assert.equal(pick(all, key), home);
});

test('a conversation that did not come for twenty minutes is forgotten, and so are the oldest of very many', () => {
  const known = createConversations();
  const minutes = (count: number) => count * 60_000;
  known.came(1, 0);
  known.came(2, minutes(5));
  known.came(2, minutes(12));
  assert.deepEqual([known.has(1), known.has(2), known.count()], [true, true, 2]);
  known.came(3, minutes(23));
  assert.deepEqual([known.has(1), known.has(2), known.count()], [false, true, 2]);
  known.came(4, minutes(90));
  assert.deepEqual([known.has(2), known.has(3), known.count()], [false, false, 1]);
  for (let key = 100; key < 20_000; key += 1) known.came(key, minutes(90));
  assert.ok(known.has(19_999) && !known.has(100) && known.count() <= 8192);
});
