// Shows what becomes of a connection whose client takes nothing: it is reset after a while, and closed for good whatever came before.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fastify } from 'fastify';
import { createSink, type Sink } from '../../../src/gateway/sink.ts';

const MUCH = 'x'.repeat(1 << 20);
const HEADERS = { 'content-type': 'text/event-stream' };

interface Stage {
  /** Of the one client's request. */
  readonly sink: Sink;
  /** The connection, as the server has it. */
  readonly served: Socket;
  readonly client: Socket;
}

/** A client that has asked and reads nothing. */
async function start(context: TestContext, stalledMs: number): Promise<Stage> {
  const asked = Promise.withResolvers<{ sink: Sink; served: Socket }>();
  const app = fastify({ forceCloseConnections: true });
  const closing = new AbortController();
  app.get('/', async (request, reply) => {
    asked.resolve({ sink: createSink(reply, HEADERS, closing.signal, stalledMs), served: request.raw.socket });
    await once(request.raw.socket, 'close');
    return reply;
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const client = connect({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  client.on('error', () => {});
  context.after(() => {
    client.destroy();
    return app.close();
  });
  await once(client, 'connect');
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return { ...(await asked.promise), client };
}

test('a client that takes nothing for too long is reset, and the writing ends', async (context) => {
  const { sink, served, client } = await start(context, 200);
  const closed = once(served, 'close');
  while (!served.destroyed) await sink.write(MUCH);
  await closed;
  assert.equal(sink.signal.aborted, true);
  const failed = once(client, 'error') as Promise<[NodeJS.ErrnoException]>;
  client.resume();
  assert.equal((await failed)[0].code, 'ECONNRESET');
});

test('a client that takes its time is not reset', async (context) => {
  const { sink, served, client } = await start(context, 2000);
  void sink.write(MUCH);
  void sink.write(MUCH);
  await delay(300);
  let taken = 0;
  client.on('data', (bytes) => (taken += bytes.length));
  while (taken < 2 * MUCH.length) await delay(10);
  assert.deepEqual([served.destroyed, sink.signal.aborted], [false, false]);
});

test('a connection that is being ended when the answer is cut is closed for good', async (context) => {
  const { sink, served, client } = await start(context, 60_000);
  await sink.write('data: a\n\n');
  const failures: string[] = [];
  served.on('error', ({ message }) => failures.push(message));
  const closed = new Promise((resolve) => served.once('close', () => resolve('closed')));
  // Behind the listener of the server, which ends a connection whose client has ended its half.
  served.once('end', () => sink.reset());
  client.end();
  assert.equal(await Promise.race([closed, delay(2000, 'left open')]), 'closed');
  assert.deepEqual([served.writableEnded, failures], [true, ['the answer was cut']]);
});
