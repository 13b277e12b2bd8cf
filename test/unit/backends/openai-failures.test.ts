// What the backend makes of endpoints that refuse, fail, fall silent or are not there, and what it sends them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import type { ModelErrorEvent, ModelEvent } from '../../../src/contracts/model-events.ts';
import {
  backendOf,
  delta,
  errorOf,
  eventsOf,
  gathered,
  KEY,
  NEVER,
  rejection,
  REQUEST,
  says,
  sse,
  startEngine,
  streams,
  until,
} from './engine.ts';

const WHOLE = sse(delta({ content: 'Hello' }), delta({}, 'stop'), '[DONE]');
const CONTEXT =
  "This model's maximum context length is 8192 tokens. However, your request has 9000 input tokens. Please reduce the length.";

interface Refusal {
  readonly what: string;
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly expected: Pick<ModelErrorEvent, 'code' | 'retryable' | 'retryAfter'>;
  /** Stands in the message. */
  readonly says: RegExp;
}

const failed = (retryable: boolean) => ({ code: 'backend_failed', retryable }) as const;
const said = (message: string, type: string, code: number) => ({ error: { message, type, param: null, code } });

const REFUSALS: readonly Refusal[] = [
  {
    what: 'a key it does not know',
    status: 401,
    body: { error: 'Unauthorized' },
    expected: failed(false),
    says: /key.*401/,
  },
  { what: 'a key that may not', status: 403, body: '', expected: failed(false), says: /key.*403/ },
  {
    what: 'a model it does not have',
    status: 404,
    body: said('The model `m` does not exist.', 'NotFoundError', 404),
    expected: { code: 'model_not_found', retryable: false },
    says: /The model `m` does not exist/,
  },
  {
    what: 'a conversation that is too long',
    status: 400,
    body: said(CONTEXT, 'BadRequestError', 400),
    expected: { code: 'context_exceeded', retryable: false },
    says: /maximum context length is 8192/,
  },
  {
    what: 'a request it does not understand',
    status: 400,
    body: said('bad tool_choice', 'BadRequestError', 400),
    expected: { code: 'invalid_input', retryable: false },
    says: /bad tool_choice/,
  },
  {
    what: 'one too many, and says when to come again',
    status: 429,
    body: said('slow down', 'RateLimit', 429),
    headers: { 'retry-after': '7' },
    expected: { code: 'overloaded', retryable: true, retryAfter: 7 },
    says: /busy.*slow down/,
  },
  {
    what: 'one too many, without a time',
    status: 503,
    body: said('queue is full', 'Service Unavailable', 503),
    expected: { code: 'overloaded', retryable: true },
    says: /queue is full/,
  },
  {
    what: 'one too many, with a time that is none',
    status: 503,
    body: '',
    headers: { 'retry-after': 'soon' },
    expected: { code: 'overloaded', retryable: true },
    says: /503/,
  },
  {
    what: 'because it fails',
    status: 500,
    body: said('EngineCore died', 'InternalServerError', 500),
    expected: failed(true),
    says: /EngineCore died/,
  },
  {
    what: 'from a gate before it, with a page',
    status: 502,
    body: '<html>Bad Gateway</html>',
    expected: failed(true),
    says: /Bad Gateway/,
  },
];

describe('an endpoint that refuses', () => {
  for (const { what, status, body, headers = {}, expected, says: words } of REFUSALS)
    test(what, async (context) => {
      const engine = await startEngine(context, (response) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      });
      const { type, message, ...rest } = errorOf(await eventsOf(backendOf(engine.url)));
      assert.deepEqual({ type, ...rest }, { type: 'error', ...expected });
      assert.match(message, words);
      assert.ok(message.length < 1500, message);
    });

  test('an address that is not there names the address', async (context) => {
    const engine = await startEngine(context, (response) => {
      response.writeHead(404, { 'content-type': 'application/json' });
      response.end('{"detail":"Not Found"}');
    });
    const { code, retryable, message } = errorOf(await eventsOf(backendOf(engine.url)));
    assert.ok(code === 'model_not_found' || code === 'backend_garbage');
    assert.equal(retryable, false);
    assert.match(message, /127\.0\.0\.1:\d+\/v1.*Not Found/);
  });

  test('the field stream_options gets the request without it', async (context) => {
    const engine = await startEngine(context, (response, { body }) => {
      if (!Object.hasOwn(body as object, 'stream_options')) return says(WHOLE)(response, engine.asked[0]!, 0);
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said('Unrecognized request argument: stream_options', 'x', 400)));
    });
    assert.equal(gathered(await eventsOf(backendOf(engine.url))).text, 'Hello');
    const [first, second] = engine.asked.map(({ body }) => body as Record<string, unknown>);
    const { stream_options: options, ...others } = first ?? {};
    assert.deepEqual([options, second], [{ include_usage: true }, others]);
  });

  test('the key and sends it back finds it in no message', async (context) => {
    const echo = `Incorrect API key provided: ${KEY}`;
    for (const [status, body] of [
      [401, JSON.stringify({ error: { message: echo } })],
      [500, echo],
      [200, sse({ error: { message: echo } })],
      [200, sse(echo)],
    ] as const) {
      const engine = await startEngine(context, (response) => {
        response.writeHead(status, { 'content-type': status === 200 ? 'text/event-stream' : 'text/plain' });
        response.end(body);
      });
      const { message } = errorOf(await eventsOf(backendOf(engine.url)));
      assert.match(message, /Incorrect API key/);
      assert.doesNotMatch(message, new RegExp(KEY));
      const refusal = await rejection(backendOf(engine.url).models(NEVER));
      assert.doesNotMatch(`${refusal.message} ${String(refusal.cause)}`, new RegExp(KEY));
    }
  });
});

describe('an endpoint that answers with status 200 and no stream', () => {
  const bodies = [
    ['a page', 'text/html', '<!doctype html><title>Welcome</title>'],
    ['a page without saying so', 'text/plain', '<!doctype html><title>Welcome</title>'],
    ['JSON of another kind', 'application/json', '{"status":"Welcome"}'],
  ] as const;
  for (const [what, contentType, body] of bodies)
    test(`but ${what} does not speak the protocol`, async (context) => {
      const engine = await startEngine(context, (response) => {
        response.writeHead(200, { 'content-type': contentType });
        response.end(body);
      });
      const { code, retryable, message } = errorOf(await eventsOf(backendOf(engine.url)));
      assert.deepEqual({ code, retryable }, { code: 'backend_garbage', retryable: false });
      assert.match(message, /Welcome/);
    });

  test('but an error object has failed', async (context) => {
    const engine = await startEngine(context, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(said('EngineCore died', 'InternalServerError', 500)));
    });
    const { code, message } = errorOf(await eventsOf(backendOf(engine.url)));
    assert.equal(code, 'backend_failed');
    assert.match(message, /EngineCore died/);
  });

  test('a redirect is not followed: the key and the conversation go where they were meant to go', async (context) => {
    const elsewhere = await startEngine(context, says(WHOLE));
    const engine = await startEngine(context, (response) => {
      response.writeHead(307, { location: `${elsewhere.url}/chat/completions` });
      response.end();
    });
    const { retryable, message } = errorOf(await eventsOf(backendOf(engine.url)));
    assert.deepEqual({ retryable, asked: elsewhere.asked.length }, { retryable: false, asked: 0 });
    assert.ok(message.includes(elsewhere.url));
  });
});

describe('a connection that fails', () => {
  test('because nobody listens: unreachable, with the reason', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const url = `http://127.0.0.1:${port}/v1`;
    const { code, retryable, message } = errorOf(await eventsOf(backendOf(url)));
    assert.deepEqual({ code, retryable }, { code: 'backend_unreachable', retryable: true });
    assert.match(message, /ECONNREFUSED/);
    assert.ok(message.includes(url));
    const refusal = await rejection(backendOf(url).models(NEVER));
    assert.equal(refusal.code, 'backend_unreachable');
    assert.match(refusal.message, /ECONNREFUSED/);
  });

  test('because the other side speaks no HTTP', async (context) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH_9.9\r\n');
    });
    server.listen(0, '127.0.0.1');
    context.after(() => server.close());
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code } = errorOf(await eventsOf(backendOf(`http://127.0.0.1:${port}/v1`)));
    assert.ok(code === 'backend_garbage' || code === 'backend_unreachable');
  });

  test('by a reset in the middle: what came is told, then a failure that may be tried again', async (context) => {
    const engine = await startEngine(context, async (response) => {
      streams(response);
      response.write(sse(delta({ content: 'Hel' })));
      await until(() => response.writableLength === 0);
      response.socket?.resetAndDestroy();
    });
    const events = await eventsOf(backendOf(engine.url));
    const last = events.at(-1);
    assert.ok(last?.type === 'error');
    assert.deepEqual({ code: last.code, retryable: last.retryable }, { code: 'backend_failed', retryable: true });
    assert.equal(gathered(events.slice(0, -1)).rest.length, 0);
  });

  test('by silence before the answer and within it', async (context) => {
    for (const begins of [false, true]) {
      const engine = await startEngine(context, (response) => {
        if (!begins) return;
        streams(response);
        response.write(sse(delta({ content: 'Hel' })));
      });
      const events = await eventsOf(backendOf(engine.url, { limits: { modelSilenceMs: 150 } }));
      const last = events.at(-1);
      assert.ok(last?.type === 'error');
      assert.deepEqual({ code: last.code, retryable: last.retryable }, { code: 'backend_failed', retryable: true });
      assert.match(last.message, /nothing for 150 ms/);
      assert.equal(gathered(events.slice(0, -1)).text, begins ? 'Hel' : '');
      await until(() => engine.sockets() === 0);
    }
  });

  test('is not taken for silence where only the reader is slow', async (context) => {
    const engine = await startEngine(context, says(sse(delta({ content: 'a' }), delta({ content: 'b' })) + WHOLE));
    const seen: ModelEvent[] = [];
    for await (const event of backendOf(engine.url, { limits: { modelSilenceMs: 100 } }).stream(REQUEST, NEVER)) {
      seen.push(event);
      if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.equal(gathered(seen).text, 'abHello');
    assert.equal(seen.at(-1)?.type, 'finish');
  });
});

describe('an abort', () => {
  const aborted = (events: readonly ModelEvent[]) => {
    const last = events.at(-1);
    assert.ok(last?.type === 'error');
    assert.deepEqual({ code: last.code, retryable: last.retryable }, { code: 'aborted', retryable: false });
  };

  test('before the request is the only event', async (context) => {
    const engine = await startEngine(context, says(WHOLE));
    aborted([errorOf(await eventsOf(backendOf(engine.url), REQUEST, AbortSignal.abort()))]);
  });

  test('before the first event closes the connection', async (context) => {
    const stop = new AbortController();
    const engine = await startEngine(context, () => stop.abort());
    aborted([errorOf(await eventsOf(backendOf(engine.url), REQUEST, stop.signal))]);
    await until(() => engine.sockets() === 0);
  });

  test('after the first event closes the connection, whatever its reason is', async (context) => {
    for (const reason of [undefined, new Error('a person stopped it'), 'text']) {
      const stop = new AbortController();
      const engine = await startEngine(context, (response) => {
        streams(response);
        response.write(sse(delta({ content: 'Hel' })));
      });
      const events: ModelEvent[] = [];
      for await (const event of backendOf(engine.url).stream(REQUEST, stop.signal)) {
        events.push(event);
        stop.abort(reason);
      }
      aborted(events);
      assert.equal(events.length, 2);
      await until(() => engine.sockets() === 0);
    }
  });

  test('is what a reader does who goes away: the connection is closed', async (context) => {
    const engine = await startEngine(context, (response) => {
      streams(response);
      response.write(sse(delta({ content: 'Hel' })));
    });
    for await (const _ of backendOf(engine.url).stream(REQUEST, NEVER)) break;
    await until(() => engine.sockets() === 0);
  });
});

describe('what is asked', () => {
  test('goes to the address under the base, with the key', async (context) => {
    const engine = await startEngine(context, says(WHOLE));
    for (const url of [engine.url, `${engine.url}/`]) await eventsOf(backendOf(url));
    assert.deepEqual(
      engine.asked.map(({ method, path, headers }) => [method, path, headers.authorization]),
      [1, 2].map(() => ['POST', '/v1/chat/completions', `Bearer ${KEY}`]),
    );
  });

  test('holds no empty list of tools, which engines refuse', async (context) => {
    const engine = await startEngine(context, says(WHOLE));
    await eventsOf(backendOf(engine.url), { ...REQUEST, tools: [], toolChoice: 'auto' });
    assert.deepEqual(engine.asked[0]?.body, {
      model: 'm',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content: 'go' }],
    });
  });

  test('is asked once: a failure is not tried again here', async (context) => {
    const engine = await startEngine(context, (response) => {
      response.writeHead(500);
      response.end();
    });
    await eventsOf(backendOf(engine.url));
    assert.equal(engine.asked.length, 1);
  });
});
