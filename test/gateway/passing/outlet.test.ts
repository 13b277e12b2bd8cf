// Shows which writes of one stream wait for others: those of a fast stream under load, never those that no other comes to.
import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { createOutlet } from '../../../src/gateway/passing/outlet.ts';
import type { Gatherer } from '../../../src/gateway/passing/gather.ts';

const CONTROL = { pause: () => {}, resume: () => {}, stop: () => {} };

/** An outlet under load, what it has written, and the ticks of its gatherer by hand. */
function start() {
  const written: string[] = [];
  const waiting = new Set<() => void>();
  const raw = new ServerResponse(new IncomingMessage(new Socket()));
  raw.write = (bytes: unknown) => {
    written.push(String(bytes));
    return true;
  };
  const sink = { started: true, write: async () => {}, end: () => {}, reset: () => {} };
  const gatherer: Gatherer = {
    mayWait: () => true,
    wait: (flush) => void waiting.add(flush),
    leave: (flush) => void waiting.delete(flush),
  };
  const outlet = createOutlet({ raw }, sink, gatherer);
  const tick = () => {
    for (const flush of waiting) flush();
  };
  const say = (text: string, urgent = false) => outlet.write(Buffer.from(text), urgent, CONTROL);
  return { written, waiting, tick, say };
}

test('events of one tick are one write, and an urgent one takes with it what waits', () => {
  const { written, tick, say } = start();
  for (const text of ['a', 'b', 'c']) say(text);
  assert.deepEqual(written, []);
  tick();
  say('d');
  say('e', true);
  tick();
  assert.deepEqual(written, ['abc', 'de']);
});

test('a stream whose events come alone is written at once after a few ticks, and gathered again when it gets faster', () => {
  const { written, waiting, tick, say } = start();
  for (let event = 0; event < 4; event += 1) {
    say('x');
    tick();
  }
  for (let event = 0; event < 63; event += 1) say('y');
  assert.deepEqual([written.length, waiting.size], [4 + 63, 0]);
  // Each 64th finds out: this time others come to it.
  for (const text of ['a', 'b']) say(text);
  assert.equal(waiting.size, 1);
  tick();
  for (const text of ['c', 'd']) say(text);
  tick();
  assert.deepEqual(written.slice(-2), ['ab', 'cd']);
});
