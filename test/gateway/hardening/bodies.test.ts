// Limits of size and time, as clients meet them on the wire: what is too much or too slow is told, cut, and never read on.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../../../src/base/limits.ts';
import { call, callJson, exchangeBytes } from '../http.ts';
import { EVERY_ROLE, says, type Service, startService } from '../service.ts';

const MB = 1024 * 1024;
const HELLO = says({ type: 'text', text: 'hello' }, { type: 'finish', reason: 'stop' });

type Context = Parameters<typeof startService>[0];

async function start(context: Context, limits: Partial<typeof LIMITS> | Record<string, number> = {}) {
  const service = await startService(context, { model: HELLO, changes: { limits: { ...LIMITS, ...limits } } });
  return { service, key: await service.key(EVERY_ROLE) };
}

function headOf(path: string, key: string, lines: readonly string[]): string {
  const head = [`POST ${path} HTTP/1.1`, 'host: localhost', `authorization: Bearer ${key}`, ...lines];
  return `${head.join('\r\n')}\r\n\r\n`;
}

/** A connection that is written to by hand. */
async function dial(service: Service): Promise<{ socket: Socket; text: () => string }> {
  const socket = connect(service.port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return { socket, text: () => text };
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
}

test('a conversation may have 32 MB, pictures and all; everything else may have 4', async (context) => {
  const { service, key } = await start(context);
  const picture = 'x'.repeat(20 * MB);
  const messages = [{ role: 'user', content: picture }];
  const statuses = await Promise.all(
    (
      [
        ['/v1/chat/completions', { model: 'm', messages }],
        ['/v1/messages', { model: 'm', max_tokens: 9, messages }],
        ['/v1/messages/count_tokens', { model: 'm', messages }],
        ['/v1/responses', { model: 'm', input: picture }],
        ['/api/v1/keys', { name: picture }],
        ['/api/v1/runs', { task: picture }],
      ] as const
    ).map(async ([path, json]) => (await call(service, 'POST', path, { key, json })).status),
  );
  assert.deepEqual(statuses, [200, 200, 200, 200, 413, 413]);
});

test('a body of 100 MB is told 413 with the name of its limit, although the client sends all of it', async (context) => {
  const { service, key } = await start(context);
  const body = Buffer.alloc(100 * MB, 'x');
  for (const [path, most, name] of [
    ['/v1/chat/completions', 32 * MB, 'limits.conversation_body_bytes'],
    ['/api/v1/keys', 4 * MB, 'limits.json_body_bytes'],
  ] as const) {
    const headers = { 'content-type': 'application/json' };
    const { status, body: told } = await callJson<{ error: { message: string } }>(service, 'POST', path, {
      key,
      headers,
      body,
    });
    assert.deepEqual([status, told.error.message], [413, `the body has more than ${most} bytes (${name})`]);
  }
});

test('nobody is asked for a body that will be refused', async (context) => {
  const { service, key } = await start(context);
  const ask = ['content-type: application/json', 'expect: 100-continue'];
  const answers = await Promise.all([
    exchangeBytes(service, headOf('/v1/messages', key, [...ask, `content-length: ${33 * MB}`])),
    exchangeBytes(service, headOf('/v1/messages', 'csn_wrong', [...ask, 'content-length: 10'])),
    exchangeBytes(service, headOf('/v1/nothing', key, [...ask, 'content-length: 10'])),
    exchangeBytes(service, headOf('/v1/messages', key, ['expect: 100-continue', 'content-length: 10'])),
    exchangeBytes(service, headOf('/v1/messages', key, ['expect: 200-ok', 'content-length: 10', 'connection: close'])),
  ]);
  assert.deepEqual(answers.map(statusOf), [413, 401, 404, 415, 417]);
});

test('a body that comes too slowly is cut with 408 when its time is over', async (context) => {
  const { service, key } = await start(context, { bodyMs: 300 });
  const { socket, text } = await dial(service);
  const drip = setInterval(() => socket.write(' '), 20);
  socket.write(headOf('/v1/messages', key, ['content-type: application/json', 'content-length: 1000000']));
  await once(socket, 'close');
  clearInterval(drip);
  assert.equal(statusOf(text()), 408);
  assert.deepEqual(service.asked, []);
  const quick = await call(service, 'POST', '/v1/chat/completions', { key, json: { model: 'm', messages: [] } });
  assert.notEqual(quick.status, 408);
});

test('headers that come too slowly, and a connection that asks for nothing, are cut', async (context) => {
  const { service } = await start(context, { headersMs: 300 });
  const slow = await dial(service);
  const silent = await dial(service);
  const drip = setInterval(() => slow.socket.write('x: y\r\n'), 20);
  slow.socket.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n');
  await Promise.all([once(slow.socket, 'close'), once(silent.socket, 'close')]);
  clearInterval(drip);
  assert.equal(statusOf(slow.text()), 408);
  assert.equal((await call(service, 'GET', '/healthz')).status, 200);
});

test('the times of the real service are within a minute', () => {
  assert.ok(LIMITS.headersMs + 5000 <= 60_000 && LIMITS.bodyMs <= 60_000);
});

test('headers of more than 16 kB are 431; many small ones are all read', async (context) => {
  const { service } = await start(context);
  const head = 'GET /healthz HTTP/1.1\r\nconnection: close\r\n';
  assert.equal(statusOf(await exchangeBytes(service, `${head}x: ${'y'.repeat(20_000)}\r\n\r\n`)), 431);
  assert.equal(statusOf(await exchangeBytes(service, `${head}${'a:\r\n'.repeat(3000)}host: localhost\r\n\r\n`)), 200);
});

test('a connection goes on after an error whose body was read, and says so when it does not', async (context) => {
  const { service, key } = await start(context);
  const json = ['content-type: application/json'];
  const wrong = headOf('/v1/messages', key, [...json, 'content-length: 2']);
  const next = 'GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n';
  const read = await exchangeBytes(service, `${wrong}{}${next}`);
  assert.deepEqual(read.match(/HTTP\/1\.1 \d{3} /g), ['HTTP/1.1 400 ', 'HTTP/1.1 200 ']);
  const unread = await exchangeBytes(service, headOf('/v1/messages', 'wrong', [...json, 'content-length: 9']));
  assert.match(unread, /^HTTP\/1\.1 401 [^]*\r\nconnection: close\r\n/i);
});

test('a request that has a body where none is wanted does not keep its connection', async (context) => {
  const { service } = await start(context);
  const answer = await exchangeBytes(service, 'GET /healthz HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n/i);
});

test('a client that closes its own half is taken for one that left, which sends the same', async (context) => {
  const { service, key } = await start(context);
  const { socket, text } = await dial(service);
  const body = '{"model":"m","messages":[{"role":"user","content":"hi"}]}';
  const lines = ['content-type: application/json', `content-length: ${body.length}`, 'connection: close'];
  socket.end(headOf('/v1/chat/completions', key, lines) + body);
  await once(socket, 'close');
  assert.equal(text(), '');
  while (service.logged.length === 0) await delay(5);
  assert.equal(service.logged[0]?.fields['status'], 499);
});

test('a client that leaves in the middle of its body is counted as one that left, not as a failure', async (context) => {
  const { service, key } = await start(context);
  const { socket } = await dial(service);
  socket.write(headOf('/v1/messages', key, ['content-type: application/json', 'content-length: 1000']) + '{"model"');
  await delay(50);
  socket.resetAndDestroy();
  const line = () => service.logged.find(({ fields }) => fields['route'] === '/v1/messages');
  while (line() === undefined) await delay(5);
  assert.deepEqual({ message: line()?.message, status: line()?.fields['status'] }, { message: 'request', status: 499 });
  await delay(50);
  assert.ok(!service.logged.some(({ message }) => message.includes('unexpectedly')));
});
