// Waking: nobody who began to watch misses a wake, and nothing is left behind.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { createWaiters } from '../../../src/approvals/waiters.ts';

const LONG = 2 ** 40;

test('a wake between the look and the wait is not lost', async () => {
  const waiters = createWaiters();
  const watch = waiters.watch('q');
  waiters.wake(['other', 'q']);
  await watch.change(LONG, new AbortController().signal);
  watch.end();
});

test('after a wake the watch waits for the next one', async () => {
  const waiters = createWaiters();
  const watch = waiters.watch('q');
  const { signal } = new AbortController();
  const heard: string[] = [];
  waiters.wake(['q']);
  await watch.change(LONG, signal);
  const second = watch.change(LONG, signal).then(() => heard.push('second'));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(heard, []);
  waiters.wake(['q']);
  await second;
  assert.deepEqual(heard, ['second']);
  watch.end();
});

test('each of many watches of one question is woken; those of another are not', async () => {
  const waiters = createWaiters();
  const { signal } = new AbortController();
  const woken: string[] = [];
  const watch = (id: string, name: string) =>
    waiters
      .watch(id)
      .change(LONG, signal)
      .then(() => woken.push(name));
  const both = [watch('q', 'first'), watch('q', 'second')];
  const other = watch('r', 'other');
  waiters.wake(['q']);
  await Promise.all(both);
  assert.deepEqual(woken.toSorted(), ['first', 'second']);
  waiters.close();
  await other;
});

test('an abort wakes, before the wait as well as during it', async () => {
  const waiters = createWaiters();
  const watch = waiters.watch('q');
  const stop = new AbortController();
  const waiting = watch.change(LONG, stop.signal);
  stop.abort();
  await waiting;
  await watch.change(LONG, stop.signal);
  watch.end();
});

test('a wait leaves no listener and an ended watch no bell', async () => {
  const waiters = createWaiters();
  const { signal } = new AbortController();
  const watches = ['q', 'q', 'r'].map((id) => waiters.watch(id));
  assert.equal(waiters.count(), 3);
  waiters.wake(['q', 'r']);
  await Promise.all(watches.map((watch) => watch.change(LONG, signal)));
  assert.equal(getEventListeners(signal, 'abort').length, 0);
  for (const watch of watches) watch.end();
  for (const watch of watches) watch.end();
  assert.equal(waiters.count(), 0);
});

test('closing wakes who waits and whoever comes later', async () => {
  const waiters = createWaiters();
  const { signal } = new AbortController();
  const waiting = waiters.watch('q').change(LONG, signal);
  assert.equal(waiters.closed(), false);
  waiters.close();
  await waiting;
  await waiters.watch('q').change(LONG, signal);
  assert.equal(waiters.closed(), true);
});
