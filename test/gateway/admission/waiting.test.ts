// The line before an engine over real HTTP: streams live while they wait, who leaves frees the place, who cannot be served is told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { EngineLine } from '../../../src/gateway/ports.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { call, callJson, open, readText } from '../http.ts';
import { startService } from '../service.ts';
import { ANSWER, CHAT, type Door, obedientModel, startDoor, until } from './scene.ts';

const PATH = '/v1/chat/completions';

interface Refusal {
  readonly error: { readonly message: string; readonly type: string; readonly code: string };
}

/** An engine that takes one request at once, and is busy with the first. */
async function startBusy(context: Parameters<typeof startDoor>[0], wishes: Parameters<typeof startDoor>[1] = {}) {
  const { asked, model } = obedientModel();
  const door = await startDoor(context, { model, engine: { maxConcurrent: 1 }, ...wishes });
  const key = await door.key({});
  const first = await open(door.service, 'POST', PATH, { key, json: { ...CHAT, stream: true } });
  assert.equal(asked.length, 1);
  return { door, key, asked, first };
}

const ask = (door: Door, key: string, more: object = {}, headers: Record<string, string> = {}) =>
  callJson<Refusal>(door.service, 'POST', PATH, { key, json: { ...CHAT, ...more }, headers });

function waiting({ admission }: Door): EngineLine['waiting'] {
  return admission.lines()[0]?.waiting ?? [];
}

test('a stream that waits has its headers and keep-alive events, and then its whole answer', async (context) => {
  const changes = { limits: { ...LIMITS, sseKeepAliveMs: 30 } };
  const { door, key, asked, first } = await startBusy(context, { changes });
  const second = await open(door.service, 'POST', PATH, { key, json: { ...CHAT, stream: true } });
  assert.equal(second.statusCode, 200);
  assert.equal(asked.length, 1, 'the headers came while it waited');
  let text = '';
  second.setEncoding('utf8').on('data', (part) => {
    text += String(part);
  });
  const ended = new Promise((resolve) => second.once('end', resolve));
  await until(() => text.split('\n\n').length >= 4);
  assert.equal(waiting(door).length, 1);
  asked[0]?.finish();
  await until(() => asked.length === 2);
  asked[1]?.finish();
  await ended;
  assert.match(await readText(first), /\[DONE\]/);
  assert.match(text, /"content":"hello"[^]*\[DONE\]\n\n$/);
});

test('an answer that is not streamed waits as well', async (context) => {
  const { door, key, asked } = await startBusy(context);
  const second = ask(door, key);
  await until(() => waiting(door).length === 1);
  asked[0]?.finish();
  await until(() => asked.length === 2);
  asked[1]?.finish();
  assert.equal((await second).status, 200);
});

test('a client that leaves while it waits frees its place, and its engine never hears of it', async (context) => {
  const { door, key, asked } = await startBusy(context, { queue: { most: 2, waitMs: 60_000 } });
  for (const stream of [true, false]) {
    const gone = new AbortController();
    const left = open(door.service, 'POST', PATH, { key, json: { ...CHAT, stream }, signal: gone.signal });
    await until(() => waiting(door).length === 1);
    gone.abort();
    await assert.rejects(left, { name: 'AbortError' });
    await until(() => waiting(door).length === 0);
  }
  asked[0]?.finish();
  const next = ask(door, key);
  await until(() => asked.length === 2);
  asked[1]?.finish();
  assert.equal((await next).status, 200);
  assert.equal(asked.length, 2);
});

describe('503, Retry-After and the word overloaded come', () => {
  const refusal = (message: string) => ({
    status: 503,
    retry: '5',
    error: { message, type: 'overloaded_error', param: null, code: 'overloaded' },
  });
  const seen = ({ status, headers, body }: Awaited<ReturnType<typeof ask>>) => ({
    status,
    retry: headers['retry-after'],
    error: body.error,
  });

  test('when the line is full', async (context) => {
    const { door, key, asked } = await startBusy(context, { queue: { most: 1, waitMs: 60_000 } });
    const second = ask(door, key);
    await until(() => waiting(door).length === 1);
    for (const stream of [true, false])
      assert.deepEqual(seen(await ask(door, key, { stream })), refusal('too many requests wait for this model'));
    const message = await callJson<{ type: string; error: { type: string } }>(door.service, 'POST', '/v1/messages', {
      headers: { 'x-api-key': key },
      json: { model: 'm', max_tokens: 10, messages: CHAT.messages },
    });
    assert.deepEqual(
      [message.headers['retry-after'], message.body.type, message.body.error.type],
      ['5', 'error', 'overloaded_error'],
    );
    asked[0]?.finish();
    await until(() => asked.length === 2);
    asked[1]?.finish();
    assert.equal((await second).status, 200);
  });

  test('when no place became free in time', async (context) => {
    const { door, key } = await startBusy(context, { queue: { most: 10, waitMs: 50 } });
    for (const stream of [true, false]) {
      const answer = await ask(door, key, { stream });
      assert.deepEqual(seen(answer), refusal('no place became free for this request in time'));
    }
  });
});

test('a stream that was kept alive and then gets no place is broken, never ended', async (context) => {
  const changes = { limits: { ...LIMITS, sseKeepAliveMs: 20 } };
  const { door, key } = await startBusy(context, { changes, queue: { most: 10, waitMs: 100 } });
  const second = await open(door.service, 'POST', PATH, { key, json: { ...CHAT, stream: true } });
  assert.equal(second.statusCode, 200);
  await assert.rejects(readText(second), { code: 'ECONNRESET' });
});

describe('a place at the engine is given back', () => {
  const ends: readonly (readonly [string, () => AsyncIterable<ModelEvent>])[] = [
    ['when the engine fails at once', () => fail([])],
    ['when the engine fails in the middle', () => fail(ANSWER.slice(0, 1))],
    ['when the answer is cut', () => only(ANSWER.slice(0, 1))],
    ['when there is no answer', () => only([])],
    ['when the answer is whole', () => only(ANSWER)],
    ['when the engine’s code throws', () => explode()],
  ];
  for (const [words, model] of ends)
    test(words, async (context) => {
      const door = await startDoor(context, { model, engine: { maxConcurrent: 1 } });
      const key = await door.key({ streams: 1 });
      for (const stream of [true, false, true, false])
        await call(door.service, 'POST', PATH, { key, json: { ...CHAT, stream } }).catch(() => undefined);
      assert.equal(door.service.asked.length, 4);
      await until(() => door.admission.lines()[0]?.running.length === 0);
    });

  test('when the client leaves in the middle of the stream', async (context) => {
    const { door, key, asked, first } = await startBusy(context);
    const second = ask(door, key);
    await until(() => waiting(door).length === 1);
    first.destroy();
    await until(() => asked.length === 2);
    asked[1]?.finish();
    assert.equal((await second).status, 200);
  });

  async function* only(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
    yield* events;
  }
  async function* fail(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
    yield* events;
    yield { type: 'error', code: 'backend_failed', message: 'broken', retryable: true };
  }
  async function* explode(): AsyncGenerator<ModelEvent> {
    yield* ANSWER.slice(0, 1);
    throw new Error('a defect');
  }
});

test('the class comes from the header or the key, and a batch key cannot push itself forward', async (context) => {
  const { door, key } = await startBusy(context);
  const batch = await door.key({ class: 'batch' }, 'batch');
  const requests = [
    ask(door, batch, { model: 'm1' }),
    ask(door, batch, { model: 'm2' }, { 'x-caisson-class': 'interactive' }),
    ask(door, key, { model: 'm3' }, { 'x-caisson-class': 'batch' }),
    ask(door, key, { model: 'm4' }),
  ].map((request) => request.catch(() => undefined));
  await until(() => waiting(door).length === 4);
  assert.deepEqual(Object.fromEntries(waiting(door).map((guest) => [guest.model, guest.class])), {
    m1: 'batch',
    m2: 'batch',
    m3: 'batch',
    m4: 'interactive',
  });
  assert.equal(waiting(door)[0]?.model, 'm4');
  await door.stop();
  await Promise.all(requests);
});

test('the queue is shown whole to auditors, to others their own part of it, and as numbers in the metrics', async (context) => {
  const { door, key, asked } = await startBusy(context);
  const [other, auditor] = [await door.key({}, 'b'), await door.key({}, 'c', ['auditor'])];
  const second = ask(door, other, {}, { 'x-caisson-class': 'batch' });
  await until(() => waiting(door).length === 1);
  const third = ask(door, key);
  await until(() => waiting(door).length === 2);
  const ids = Object.fromEntries((await door.accounts.list()).map(({ id, name }) => [name, id]));
  const queueOf = async (key: string) => {
    const { body } = await callJson<{ engines: EngineLine[] }>(door.service, 'GET', '/api/v1/queue', { key });
    return body.engines;
  };
  const guest = (name: string, of = 'interactive') => ({ key: ids[name], class: of, model: 'm' });
  const line = {
    engine: 'engine',
    running: [guest('a')],
    waiting: [
      { ...guest('a'), position: 1, waitedMs: 0 },
      { ...guest('b', 'batch'), position: 2, waitedMs: 0 },
    ],
  };
  assert.deepEqual(await queueOf(auditor), [line]);
  assert.deepEqual(await queueOf(key), [{ ...line, waiting: line.waiting.slice(0, 1) }]);
  assert.deepEqual(await queueOf(other), [{ ...line, running: [], waiting: line.waiting.slice(1) }]);
  for (const { finish } of asked) finish();
  await until(() => asked.length === 2);
  asked[1]?.finish();
  await until(() => asked.length === 3);
  asked[2]?.finish();
  assert.deepEqual([(await second).status, (await third).status], [200, 200]);
});

test('the metrics count who waits and runs by model, and name no model that never spoke', async (context) => {
  const { asked, model } = obedientModel();
  const plain = await startService(context, { model, engine: { maxConcurrent: 1 } });
  const key = await plain.key(['client']);
  const send = (name: string, of: string) =>
    call(plain, 'POST', PATH, { key, json: { ...CHAT, model: name }, headers: { 'x-caisson-class': of } });
  const lines = async () =>
    (await plain.ports.metrics()).split('\n').filter((line) => line.startsWith('caisson_queue_'));
  const requests = [send('m', 'interactive')];
  await until(() => asked.length === 1);
  requests.push(send('m', 'batch'), send('m', 'interactive'), send('secret words', 'interactive'));
  await until(() => plain.ports.admission.lines()[0]?.waiting.length === 3);
  assert.deepEqual(await lines(), [
    'caisson_queue_waiting{model="m",class="interactive"} 1',
    'caisson_queue_waiting{model="m",class="batch"} 1',
    'caisson_queue_waiting{model="other",class="interactive"} 1',
    'caisson_queue_waiting{model="other",class="batch"} 0',
    'caisson_queue_running{model="m"} 1',
    'caisson_queue_running{model="other"} 0',
  ]);
  for (let count = 0; count < 4; count += 1) {
    await until(() => asked.length > count);
    asked[count]?.finish();
  }
  await Promise.all(requests);
  assert.deepEqual(await lines(), []);
});
