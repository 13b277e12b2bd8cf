// Shows bytes passing through the real gateway from a real engine over HTTP: untouched, counted, cut where the engine dies, held back
// for a slow reader, given up when the client leaves, and read the other way where they may not pass.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { createPassing } from '../../../src/backends/openai/passing.ts';
import { callJson, open, readText } from '../http.ts';
import { says, startService } from '../service.ts';

const PATH = '/v1/chat/completions';
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const STREAMED = { ...CHAT, stream: true, stream_options: { include_usage: true } };
const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta, finish_reason: finish, token_ids: [1] }] })}\n\n`;
const USAGE = `data: ${JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: 9, completion_tokens: 4 } })}\n\n`;
const WHOLE = `${chunk({ role: 'assistant', content: '' })}${chunk({ content: 'hé' })}${chunk({}, 'stop')}${USAGE}data: [DONE]\n\n`;
const PLAIN =
  '{"id":"c", "choices":[{"index":0,"message":{"role":"assistant","content":"hé"},"finish_reason":"stop"}],"x":1}';

type Play = (response: ServerResponse, asked: Asked) => void;
interface Asked {
  readonly body: unknown;
  readonly headers: http.IncomingHttpHeaders;
  gone: boolean;
}

/** An engine of its own and a gateway before it; the other way answers `other way`. */
async function start(context: TestContext, play: Play, limits: object = {}) {
  const asked: Asked[] = [];
  const engine = http.createServer((request, response) => void take(request, response));
  const take = async (request: http.IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse(await readText(request)) as unknown;
    const one: Asked = { body, headers: request.headers, gone: false };
    asked.push(one);
    response.on('close', () => (one.gone = !response.writableFinished));
    play(response, one);
  };
  engine.listen(0, '127.0.0.1');
  await once(engine, 'listening');
  context.after(() => engine.closeAllConnections());
  context.after(() => engine.close());
  const url = `http://127.0.0.1:${(engine.address() as AddressInfo).port}/v1`;
  const pass = createPassing({ url, key: 'engine-key', connectMs: 2000, now: () => 0 });
  const model = says({ type: 'text', text: 'other way' }, { type: 'finish', reason: 'stop' });
  const service = await startService(context, { model, changes: { passing: async () => pass, ...limits } });
  return { service, asked, key: await service.key(['client']) };
}

const streams =
  (text: string): Play =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-engine': 'http://10.0.0.1' });
    response.end(text);
  };

test('a stream passes to the byte, without the headers of the engine, and its usage is counted', async (context) => {
  const { service, asked, key } = await start(context, streams(WHOLE));
  const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
  assert.equal(await readText(answer), WHOLE);
  const { 'content-type': type, 'x-engine': engine } = answer.headers;
  assert.deepEqual([answer.statusCode, type, engine], [200, 'text/event-stream; charset=utf-8', undefined]);
  assert.match(String(answer.headers['x-request-id']), /^req_/);
  assert.deepEqual([asked[0]?.body, asked[0]?.headers.authorization], [STREAMED, 'Bearer engine-key']);
  assert.deepEqual({ engine: asked.length, otherWay: service.asked.length }, { engine: 1, otherWay: 0 });
  assert.match(await service.ports.metrics(), /tokens_total\{[^}]*kind="prompt"[^}]*\} 9/);
});

test('a plain answer passes to the byte', async (context) => {
  const { service, asked, key } = await start(context, (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(PLAIN);
  });
  const answer = await open(service, 'POST', PATH, { key, json: CHAT });
  assert.deepEqual([answer.statusCode, await readText(answer)], [200, PLAIN]);
  assert.deepEqual({ engine: asked.length, otherWay: service.asked.length }, { engine: 1, otherWay: 0 });
});

describe('the connection is reset', () => {
  const deaths: Readonly<Record<string, Play>> = {
    'when the engine is reset in the middle': (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'ls -a &&' }), () => setTimeout(() => response.destroy(), 50));
    },
    'when the engine ends tidily in the middle': streams(chunk({ content: 'ls -a &&' })),
    'when the engine gives up': (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const rest = `${chunk({}, 'abort')}data: [DONE]\n\n`;
      response.write(chunk({ content: 'a' }), () => setTimeout(() => response.end(rest), 50));
    },
  };
  for (const [name, play] of Object.entries(deaths))
    test(name, async (context) => {
      const { service, key } = await start(context, play);
      const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
      await assert.rejects(readText(answer), { code: 'ECONNRESET' });
    });
});

test('an engine that is full is told as such, with the time it asked for', async (context) => {
  const { service, key } = await start(context, (response) => {
    response.writeHead(503, { 'retry-after': '7', 'content-type': 'application/json' });
    response.end('{"error":{"message":"full","type":"Service Unavailable"}}');
  });
  for (const body of [STREAMED, CHAT]) {
    const answer = await callJson(service, 'POST', PATH, { key, json: body });
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '7']);
  }
});

test('bytes that the engine refuses go the way on which they are read', async (context) => {
  const { service, asked, key } = await start(context, (response) => {
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end('{"error":{"message":"no"}}');
  });
  const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
  assert.match(await readText(answer), /other way/);
  assert.equal(asked.length, 1);
});

test('an engine that cannot be reached leaves the request to the way that knows other replicas', async (context) => {
  const { service, key } = await start(context, streams(WHOLE), {
    passing: async () => createPassing({ url: 'http://127.0.0.1:9/v1', key: 'k', connectMs: 500, now: () => 0 }),
  });
  for (const json of [STREAMED, CHAT])
    assert.match(await readText(await open(service, 'POST', PATH, { key, json })), /other way/);
});

test('a silent engine costs no client its patience: headers soon, then pieces that say nothing', async (context) => {
  const limits = { ...LIMITS, sseFirstMs: 20, sseKeepAliveMs: 30 };
  const play: Play = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    setTimeout(() => response.end(WHOLE), 300);
  };
  const { service, key } = await start(context, play, { limits });
  const text = await readText(await open(service, 'POST', PATH, { key, json: STREAMED }));
  assert.ok(text.endsWith(WHOLE), text);
  const before = text
    .slice(0, -WHOLE.length)
    .split('\n\n')
    .filter((event) => event !== '');
  assert.ok(before.length >= 3, `${before.length} pieces`);
  for (const event of before) assert.match(event, /"delta":\{\},.*"finish_reason":null/);
});

test('a request that must be mended never passes', async (context) => {
  const { service, asked, key } = await start(context, streams(WHOLE));
  const messages = [...CHAT.messages, ...CHAT.messages];
  assert.match(
    await readText(await open(service, 'POST', PATH, { key, json: { ...STREAMED, messages } })),
    /other way/,
  );
  assert.equal(asked.length, 0);
});

test('a client that leaves ends the generation within a second: streamed, plain, before the first word', async (context) => {
  const { service, asked, key } = await start(context, (response, { body }) => {
    if ((body as { stream?: boolean }).stream !== true) return;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk({ content: 'a' }));
  });
  const gone = async (index: number) => {
    for (let wait = 0; wait < 100 && asked[index]?.gone !== true; wait += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    return asked[index]?.gone;
  };
  const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
  answer.destroy();
  assert.equal(await gone(0), true);
  const url = new URL(PATH, service.url);
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const request = http.request(url, { method: 'POST', headers }).on('error', () => {});
  request.end(JSON.stringify(CHAT));
  while (asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  request.destroy();
  assert.equal(await gone(1), true);
});

test('a client that reads nothing holds the engine back', async (context) => {
  let sent = 0;
  const block = Buffer.from(chunk({ content: 'x'.repeat(16_000) }));
  const { service, key } = await start(context, (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const more = () => {
      while (!response.destroyed && sent < 256_000_000) {
        sent += block.length;
        if (!response.write(block)) return;
      }
    };
    response.on('drain', more);
    more();
  });
  const answer = await open(service, 'POST', PATH, { key, json: STREAMED });
  answer.pause();
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.ok(sent < 64_000_000, `${sent} bytes were taken for a client that reads nothing`);
  answer.destroy();
});
