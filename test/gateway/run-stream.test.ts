// Shows the live stream of a run: no gap and no repeat between stored and live, notes beside it, and an end for laggards.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { LIMITS } from '../../src/base/limits.ts';
import { readEventStream } from '../../src/cli/sse.ts';
import type { RunEvent } from '../../src/contracts/run-events.ts';
import type { RunRecord } from '../../src/contracts/runs.ts';
import { call, open } from './http.ts';
import { type Service, startService, type Wishes } from './service.ts';

async function start(context: Parameters<typeof startService>[0], wishes: Wishes = {}) {
  const service = await startService(context, wishes);
  const key = await service.key(['author']);
  const owner = await service.ports.accounts.authenticate(key);
  if (owner === undefined) throw new Error('the key is not known');
  return { service, key, run: await service.runs.add(owner) };
}

function watch(service: Service, run: RunRecord, key: string, after?: number | string): Promise<IncomingMessage> {
  const headers = after === undefined ? {} : { 'last-event-id': String(after) };
  return open(service, 'GET', `/api/v1/runs/${run.id}/events`, { key, headers });
}

/** Numbers of the events until the stream ends, or until `count` of them came. */
async function numbersOf(answer: IncomingMessage, count = Infinity): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { event, data } of readEventStream(answer)) {
    if (event !== undefined) continue;
    numbers.push((JSON.parse(data) as RunEvent).seq);
    if (numbers.length === count) break;
  }
  return numbers;
}

const upTo = (count: number, from = 1) => Array.from({ length: count - from + 1 }, (_, index) => from + index);

test('an event is the stored one, and its number is the id of the message', async (context) => {
  const { service, key, run } = await start(context);
  await service.runs.append(run.id, 'one');
  await service.runs.end(run.id);
  const { text, headers } = await call(service, 'GET', `/api/v1/runs/${run.id}/events`, { key });
  const stored = await service.ports.journal.read(run.id, 0, 10);
  assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.equal(
    text,
    `: the events of a run\n\n${stored.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`).join('')}`,
  );
});

describe('without a gap and without a repeat', () => {
  test('come stored and live events, while new ones are written all the time, until the run has ended', async (context) => {
    const { service, key, run } = await start(context);
    const texts = (count: number, name: string) => Array.from({ length: count }, (_, index) => `${name} ${index}`);
    await service.runs.append(run.id, ...texts(250, 'stored'));
    const writing = service.runs.append(run.id, ...texts(100, 'live')).then(() => service.runs.end(run.id));
    const readers = await Promise.all([
      watch(service, run, key),
      watch(service, run, key),
      watch(service, run, key, 0),
    ]);
    const seen = await Promise.all(readers.map((reader) => numbersOf(reader)));
    await writing;
    assert.deepEqual(seen, [upTo(351), upTo(351), upTo(351)]);
  });

  test('goes on a reader that comes back with the last number it has', async (context) => {
    const { service, key, run } = await start(context);
    await service.runs.append(run.id, 'a', 'b', 'c');
    const first = await watch(service, run, key);
    const before = await numbersOf(first, 2);
    first.destroy();
    const second = await watch(service, run, key, before.at(-1));
    const rest = numbersOf(second);
    await service.runs.append(run.id, 'd');
    await service.runs.end(run.id);
    assert.deepEqual([...before, ...(await rest)], upTo(5));
  });
});

test('a reader that has all of an ended run is told not to come again', async (context) => {
  const { service, key, run } = await start(context);
  await service.runs.end(run.id);
  const answer = await watch(service, run, key, 1);
  assert.equal(answer.statusCode, 204);
  answer.resume();
});

test('a last number that is none is refused', async (context) => {
  const { service, key, run } = await start(context);
  for (const after of ['x', '-1', '1.5']) {
    const answer = await watch(service, run, key, after);
    assert.equal(answer.statusCode, 400, after);
    answer.resume();
  }
});

test('notes come between the events, by name and without a number, to readers of that run only', async (context) => {
  const { service, key, run } = await start(context);
  const answer = await watch(service, run, key);
  await once(answer, 'readable');
  service.tell('run_other', { type: 'text', text: 'not for you' });
  service.tell(run.id, { type: 'phase', name: 'thinking' });
  await service.runs.end(run.id);
  const messages: object[] = [];
  for await (const { event, data } of readEventStream(answer))
    messages.push([event, (JSON.parse(data) as { seq?: number }).seq ?? data]);
  assert.deepEqual(messages, [
    ['progress', '{"type":"phase","name":"thinking"}'],
    [undefined, 1],
  ]);
});

test('in silence a comment keeps the connection alive', async (context) => {
  const { service, key, run } = await start(context, { changes: { limits: { ...LIMITS, sseKeepAliveMs: 10 } } });
  const answer = await watch(service, run, key);
  let text = '';
  for await (const chunk of answer) {
    text += String(chunk);
    if (text.endsWith(': keep-alive\n\n: keep-alive\n\n')) break;
  }
  assert.match(text, /^: the events of a run\n\n/);
});

test('a reader that takes nothing while the run goes on is cut, and can come back for the rest', async (context) => {
  const { service, key, run } = await start(context, {
    changes: { limits: { ...LIMITS, streamBacklog: 20 } },
    // A unix socket holds little in between.
    owner: { id: 'local', name: 'owner', team: 'local', roles: [] },
  });
  const answer = await watch(service, run, key);
  const broken = once(answer, 'error');
  answer.pause();
  for (let count = 0; count < 20; count += 1)
    await Promise.all(Array.from({ length: 100 }, (_, index) => service.runs.append(run.id, `${count} ${index}`)));
  answer.resume();
  await broken;
  const { length } = await service.ports.journal.read(run.id, 0, 10_000);
  await service.runs.end(run.id);
  assert.deepEqual(await numbersOf(await watch(service, run, key, length - 1)), [length, length + 1]);
});

test('a reader who leaves is no longer listened for', async (context) => {
  const over = Promise.withResolvers<void>();
  let listening = false;
  const { service, key, run } = await start(context, {
    changes: {
      progress: () => {
        listening = true;
        return () => over.resolve();
      },
    },
  });
  const answer = await watch(service, run, key);
  await once(answer, 'readable');
  assert.ok(listening);
  answer.destroy();
  await over.promise;
});

test('a closing service ends its streams', async (context) => {
  const { service, key, run } = await start(context);
  const answer = await watch(service, run, key);
  await once(answer, 'readable');
  await service.app.close();
  assert.deepEqual(await numbersOf(answer), []);
});
