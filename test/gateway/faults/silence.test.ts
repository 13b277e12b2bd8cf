// Silence, and clients that are slow: headers come early, events of life go on in the dialect's own form, and nothing piles up.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { createRouter } from '../../../src/backends/router.ts';
import { call, open, readText } from '../http.ts';
import { type Service, startService } from '../service.ts';
import { askOf, DIALECTS } from './dialects.ts';
import { backendFor, startFaultyEngine } from './engine.ts';

const MB = 1024 * 1024;

/** A model that waits until it is let go, says one word, waits again, and ends. */
async function startWaiting(context: Parameters<typeof startService>[0], limits: Record<string, number> = {}) {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const service = await startService(context, {
    changes: { limits: { ...LIMITS, ...limits } },
    model: async function* model(): AsyncGenerator<ModelEvent> {
      await gates[0].promise;
      yield { type: 'text', text: 'word' };
      await gates[1].promise;
      yield { type: 'usage', promptTokens: 1, completionTokens: 1 };
      yield { type: 'finish', reason: 'stop' };
    },
  });
  const key = await service.key(['client']);
  return { service, key, gates };
}

/** Reads until the text has so many events of life. */
async function readLife(answer: IncomingMessage, keepAlive: RegExp, count: number): Promise<string> {
  let text = '';
  for await (const part of answer.iterator({ destroyOnReturn: false })) {
    text += String(part);
    if ((text.match(keepAlive)?.length ?? 0) >= count) break;
  }
  return text;
}

function sequenceOf(text: string): readonly number[] {
  return [...text.matchAll(/"sequence_number":(\d+)/g)].map(([, number]) => Number(number));
}

for (const dialect of DIALECTS)
  describe(`silence in the ${dialect.name} dialect`, () => {
    test('is filled with events of life before the first word and between words, without a gap in the count', async (context) => {
      const { service, key, gates } = await startWaiting(context, { sseFirstMs: 20, sseKeepAliveMs: 30 });
      const answer = await open(service, 'POST', dialect.path, askOf(dialect, key, true));
      const before = await readLife(answer, dialect.keepAlive, 4);
      gates[0].resolve();
      const between = await readLife(answer, dialect.keepAlive, 4);
      gates[1].resolve();
      const text = before + between + (await readText(answer));
      assert.match(text, dialect.end);
      const numbers = sequenceOf(text);
      assert.deepEqual(numbers, [...numbers.keys()]);
      if (dialect.name === 'responses') assert.ok(numbers.length > 8);
    });

    test('does not keep the headers back: they come with the beginning alone, long before an event of life', async (context) => {
      const { service, key, gates } = await startWaiting(context, { sseFirstMs: 30 });
      const answer = await open(service, 'POST', dialect.path, askOf(dialect, key, true));
      assert.deepEqual([answer.statusCode, answer.headers['content-type']], [200, 'text/event-stream; charset=utf-8']);
      for (const gate of gates) gate.resolve();
      const text = await readText(answer);
      assert.match(text, dialect.end);
      assert.ok((text.match(dialect.keepAlive)?.length ?? 0) <= 1);
    });

    test('does not delay a word that comes at once, and leaves errors their status', async (context) => {
      const { service, key, gates } = await startWaiting(context);
      for (const gate of gates) gate.resolve();
      const { status, text } = await call(service, 'POST', dialect.path, askOf(dialect, key, true));
      assert.equal(status, 200);
      assert.ok((text.match(dialect.keepAlive)?.length ?? 0) <= 1);
      const refusing = await startService(context);
      const refused = await call(refusing, 'POST', dialect.path, askOf(dialect, await refusing.key(['client']), true));
      assert.equal(refused.status, 404);
    });
  });

test(
  'with the limits as they are, headers come within seconds, and life fifteen seconds after them',
  { timeout: 60_000 },
  async (context) => {
    const { service, key, gates } = await startWaiting(context);
    const start = performance.now();
    const answers = await Promise.all(
      DIALECTS.map(async (dialect) => {
        const answer = await open(service, 'POST', dialect.path, askOf(dialect, key, true));
        assert.ok(performance.now() - start < 4000);
        const opening = dialect.name === 'chat' ? 0 : 1;
        await readLife(answer, dialect.keepAlive, opening + 1);
        const waited = performance.now() - start;
        assert.ok(waited > 10_000 && waited < 21_000, `${dialect.name} ${waited} ms`);
        return answer;
      }),
    );
    for (const gate of gates) gate.resolve();
    const texts = await Promise.all(answers.map(readText));
    for (const [index, { end }] of DIALECTS.entries()) assert.match(texts[index] ?? '', end);
  },
);

/** A connection that asks and reads nothing unless it is told to. */
async function askWithoutReading(service: Service, path: string, key: string, json: object): Promise<Socket> {
  const socket = connect(service.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  const body = JSON.stringify(json);
  socket.pause();
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

/** Resolves with the value once it has not changed for a while. */
async function settled(value: () => number): Promise<number> {
  let last = -1;
  while (value() !== last || last === 0) {
    last = value();
    await delay(300);
  }
  return last;
}

describe('a client that does not read', () => {
  const PIECE = 'x'.repeat(64 * 1024);
  const PIECES = (64 * MB) / PIECE.length;
  /** What the kernel takes on the way, and some more. */
  const MOST = 24 * MB;

  for (const dialect of DIALECTS)
    test(`costs bounded memory in the ${dialect.name} dialect: the engine is not asked for more`, async (context) => {
      let pulled = 0;
      const ended = Promise.withResolvers<void>();
      const service = await startService(context, {
        model: async function* model(): AsyncGenerator<ModelEvent> {
          try {
            for (; pulled < PIECES; pulled += 1) yield { type: 'text', text: PIECE };
          } finally {
            ended.resolve();
          }
        },
      });
      const key = await service.key(['client']);
      const socket = await askWithoutReading(service, dialect.path, key, askOf(dialect, key, true).json);
      const stopped = (await settled(() => pulled)) * PIECE.length;
      assert.ok(stopped < MOST, `${stopped} bytes were taken`);
      await context.test('one that takes a byte now and then costs no more', async () => {
        for (let count = 0; count < 20; count += 1) {
          socket.read(1);
          await delay(10);
        }
        assert.ok(pulled * PIECE.length < MOST);
      });
      socket.destroy();
      await ended.promise;
    });

  test('slows a real engine down, which keeps what it has', async (context) => {
    let sent = 0;
    const engine = await startFaultyEngine(context, async (say) => {
      for (; sent < 64 * MB && !say.response.destroyed; sent += 1024) await say.text('y'.repeat(1024));
    });
    const { stream } = createRouter([backendFor('engine', engine)]);
    const service = await startService(context, { changes: { stream } });
    const key = await service.key(['client']);
    const socket = await askWithoutReading(service, '/v1/chat/completions', key, {
      model: 'm',
      stream: true,
      messages: [{ role: 'user', content: 'hi' }],
    });
    assert.ok((await settled(() => sent)) < MOST);
    socket.destroy();
    while (engine.left() === 0) await delay(5);
  });

  test('and one that begins to read again gets every byte', async (context) => {
    const words = 200;
    const service = await startService(context, {
      model: async function* model(): AsyncGenerator<ModelEvent> {
        for (let count = 0; count < words; count += 1) yield { type: 'text', text: PIECE };
        yield { type: 'finish', reason: 'stop' };
      },
    });
    const key = await service.key(['client']);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const request = httpRequest({
      host: '127.0.0.1',
      port: service.port,
      method: 'POST',
      path: '/v1/chat/completions',
      headers,
    });
    request.end(JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hi' }] }));
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.pause();
    await delay(500);
    const text = await readText(answer);
    assert.equal(text.split(PIECE).length - 1, words);
    assert.match(text, /\[DONE\]\n\n$/);
  });
});
