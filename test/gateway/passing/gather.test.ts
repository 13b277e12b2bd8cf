// Shows when writes are gathered: not while few events pass, together once many do, and not for a stream that has left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGatherer } from '../../../src/gateway/passing/gather.ts';

/** Whether an event may wait after a second of so many of them, evenly spread. */
function afterASecond(events: number): boolean {
  let time = 0;
  const gatherer = createGatherer(() => time);
  let may = false;
  for (let event = 0; event < events; event += 1) {
    time += 1000 / events;
    may = gatherer.mayWait();
  }
  return may;
}

test('a few events are written each for itself, thousands a second are gathered', () => {
  assert.deepEqual([100, 1000, 4000, 20_000].map(afterASecond), [false, false, true, true]);
});

test('all that wait are written together at the next tick, but for one that has left', async () => {
  const gatherer = createGatherer(() => 0);
  const written: string[] = [];
  const leaving = () => written.push('left');
  gatherer.wait(() => written.push('a'));
  gatherer.wait(leaving);
  gatherer.wait(() => written.push('b'));
  gatherer.leave(leaving);
  assert.deepEqual(written, []);
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(written, ['a', 'b']);
});
