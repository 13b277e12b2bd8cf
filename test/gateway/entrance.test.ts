// Shows what is refused before anything is asked of a request: foreign hosts and pages, keys in addresses, wrong and large bodies.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { call, callJson, exchangeBytes } from './http.ts';
import { says, startService } from './service.ts';

interface ApiError {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

const MESSAGES_MISSING = 'messages: Invalid input: expected array, received undefined';
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

test('a request with a host that is not on the list is refused, whatever it asks for', async (context) => {
  const service = await startService(context);
  const statusOf = async (host: string) => (await call(service, 'GET', '/healthz', { headers: { host } })).status;
  const { port } = service;
  const good = ['localhost', `LOCALHOST:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`];
  const bad = [
    'evil.example',
    `evil.example:${port}`,
    'localhost.evil.example',
    'localhost:x',
    '127.0.0.1@evil.example',
  ];
  assert.deepEqual(await Promise.all(good.map(statusOf)), [200, 200, 200, 200]);
  assert.deepEqual(await Promise.all(bad.map(statusOf)), [403, 403, 403, 403, 403]);
  const without = await exchangeBytes(service, 'GET /healthz HTTP/1.1\r\nhost:\r\nconnection: close\r\n\r\n');
  assert.match(without, /^HTTP\/1\.1 403 /);
  assert.match(await exchangeBytes(service, 'GET /healthz HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 403 /);
});

test('a page of another origin is refused; the service’s own page is not', async (context) => {
  const service = await startService(context);
  const host = `localhost:${service.port}`;
  const statusOf = async (origin: string) =>
    (await callJson<ApiError>(service, 'GET', '/healthz', { headers: { host, origin } })).status;
  const origins = [
    `http://${host}`,
    'http://evil.example',
    'null',
    `http://localhost:${service.port + 1}`,
    'http://localhost',
    '',
  ];
  assert.deepEqual(await Promise.all(origins.map(statusOf)), [200, 403, 403, 403, 403, 403]);
  const { body } = await callJson<ApiError>(service, 'GET', '/healthz', {
    headers: { host, origin: 'http://evil.example' },
  });
  assert.equal(body.error.code, 'origin_refused');
});

test('no answer carries a header that lets another origin read it, not even to a preflight', async (context) => {
  const service = await startService(context);
  const preflight = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' };
  const answers = await Promise.all([
    call(service, 'OPTIONS', '/v1/chat/completions', { headers: preflight }),
    call(service, 'GET', '/healthz'),
    call(service, 'HEAD', '/healthz'),
    call(service, 'POST', '/v1/chat/completions'),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [204, 200, 200, 401],
  );
  for (const { headers } of answers) {
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('access-control')),
      [],
    );
    assert.match(String(headers['x-request-id']), /^req_[0-9a-z]{26}$/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
});

test('a key in the address is refused by name', async (context) => {
  const service = await startService(context);
  const key = await service.key(['admin']);
  const codeOf = async (query: string) => {
    const { status, body } = await callJson<ApiError>(service, 'GET', `/api/v1/keys?${query}`, { key });
    return [status, body.error?.code];
  };
  assert.deepEqual(await codeOf(`key=${key}`), [400, 'invalid_input']);
  assert.deepEqual(await codeOf(`x=1&API_KEY=${key}`), [400, 'invalid_input']);
  assert.deepEqual(await codeOf(`acc%65ss_token=${key}`), [400, 'invalid_input']);
  assert.deepEqual(await codeOf('beta=true'), [200, undefined]);
});

test('only JSON is read: a form, plain text and a body without a type are refused with 415', async (context) => {
  const service = await startService(context, { model: says() });
  const key = await service.key(['client']);
  const statusOf = async (type: string | undefined) => {
    const headers = type === undefined ? {} : { 'content-type': type };
    return (await call(service, 'POST', '/v1/chat/completions', { key, headers, body: JSON.stringify(CHAT) })).status;
  };
  const types = [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    undefined,
  ];
  assert.deepEqual(await Promise.all(types.map(statusOf)), [415, 415, 415, 415, 415]);
  assert.equal(service.asked.length, 0);
  assert.equal(await statusOf('application/json; charset=utf-8'), 502);
  assert.equal(service.asked.length, 1);
});

describe('a body is not read before the key is known:', () => {
  const head = (path: string, extra: string) =>
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n${extra}\r\n`;

  test('401 comes although the body never does, and the connection ends', async (context) => {
    const service = await startService(context);
    const text = await exchangeBytes(service, head('/v1/chat/completions', ''));
    assert.match(text, /^HTTP\/1\.1 401 /);
    assert.match(text, /\r\nconnection: close\r\n/i);
    assert.match(text, /\r\nwww-authenticate: Bearer\r\n/i);
  });

  test('a client that asks first is told 401, never 100 Continue', async (context) => {
    const service = await startService(context);
    const text = await exchangeBytes(service, head('/v1/chat/completions', 'expect: 100-continue\r\n'));
    assert.match(text, /^HTTP\/1\.1 401 /);
  });

  test('a client with a key that asks first is told to go on', async (context) => {
    const service = await startService(context);
    const key = await service.key(['client']);
    const body = '{"model":"m"}';
    const text = await exchangeBytes(
      service,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer ${key}\r\n` +
        `content-type: application/json\r\ncontent-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n${body}`,
    );
    assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 400 /);
  });

  test('a role that is missing is told with 403 in the same way', async (context) => {
    const service = await startService(context);
    const key = await service.key(['auditor']);
    const text = await exchangeBytes(service, head('/api/v1/runs', `authorization: Bearer ${key}\r\n`));
    assert.match(text, /^HTTP\/1\.1 403 /);
    assert.match(text, /"code":"forbidden","message":"this needs a key with the role author"/);
  });
});

describe('a body that is too large is refused with 413 and not read on:', () => {
  test('by its announced length', async (context) => {
    const service = await startService(context);
    const key = await service.key(['client']);
    const text = await exchangeBytes(
      service,
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
        'content-type: application/json\r\ncontent-length: 99999999\r\n\r\n',
    );
    assert.match(text, /^HTTP\/1\.1 413 /);
    assert.match(text, /\r\nconnection: close\r\n/i);
    assert.match(text, /"code":"too_large"/);
  });

  test('by what comes, when no length was announced', async (context) => {
    const service = await startService(context);
    const key = await service.key(['client']);
    const megabyte = ' '.repeat(1024 * 1024);
    const status = await new Promise<string>((resolve, reject) => {
      const socket = connect(service.port, '127.0.0.1');
      socket.setEncoding('latin1').once('data', (data) => {
        resolve(String(data).slice(0, 12));
        socket.destroy();
      });
      socket.on('error', reject);
      socket.write(
        `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${key}\r\n` +
          'content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n',
      );
      for (let count = 0; count < 33; count += 1) socket.write(`100000\r\n${megabyte}\r\n`);
    });
    assert.equal(status, 'HTTP/1.1 413');
  });
});

test('JSON that is broken, empty or nested too deep is refused', async (context) => {
  const service = await startService(context);
  const key = await service.key(['client']);
  const send = async (body: string) => {
    const headers = { 'content-type': 'application/json' };
    const answer = await callJson<{ error: object }>(service, 'POST', '/v1/chat/completions', { key, headers, body });
    return [answer.status, answer.body.error];
  };
  const refusal = (message: string) => ({ message, type: 'invalid_request_error', param: null, code: 'invalid_json' });
  assert.deepEqual(await send('{"model":'), [400, refusal('the body is not valid JSON')]);
  const deep = (levels: number) => `{"model":"m","x":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  assert.deepEqual(await send(deep(64)), [400, refusal('the body is nested deeper than 64 levels')]);
  assert.deepEqual(await send(deep(200_000)), [400, refusal('the body is nested deeper than 64 levels')]);
  assert.deepEqual(await send(deep(2_000_000)), [400, refusal('the body has more than 250000 lists and objects')]);
  assert.deepEqual((await send(deep(60)))[1], {
    ...refusal(''),
    message: MESSAGES_MISSING,
    param: 'messages',
    code: 'invalid_input',
  });
  assert.equal((await send(''))[0], 400);
});

test('what is nowhere is 404 in the shape of its side, and broken addresses are 400', async (context) => {
  const service = await startService(context);
  const { body: api } = await callJson<ApiError>(service, 'GET', '/api/v1/nothing');
  assert.deepEqual(api.error, {
    code: 'not_found',
    message: 'there is nothing at this address',
    hint: 'GET /openapi.json lists the addresses of the service.',
  });
  const { status, body: openai } = await callJson<ApiError>(service, 'POST', '/v1/load_lora_adapter', { json: {} });
  assert.equal(status, 404);
  assert.deepEqual(openai.error, {
    message: 'there is nothing at this address',
    type: 'not_found_error',
    param: null,
    code: 'not_found',
  });
  assert.equal((await call(service, 'GET', '/api/v1/runs/%E0%A4%A')).status, 400);
});

test('what is no clean HTTP is refused and never repaired', async (context) => {
  const service = await startService(context);
  const first = async (bytes: string) => (await exchangeBytes(service, bytes)).split('\r\n')[0];
  const post = 'POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n';
  assert.deepEqual(
    [
      await first('nonsense\r\n\r\n'),
      await first(`${post}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`),
      await first(`${post}content-length: 5\r\ncontent-length: 6\r\n\r\n`),
      await first(`${post}x: a\u0000b\r\n\r\n`),
    ],
    Array.from({ length: 4 }, () => 'HTTP/1.1 400 Bad Request'),
  );
  assert.equal((await call(service, 'GET', '/healthz')).status, 200);
});

test('requests are logged by pattern, without address, key or body', async (context) => {
  const service = await startService(context);
  const key = await service.key(['admin']);
  await call(service, 'GET', '/api/v1/runs/run_secret-name', { key });
  const line = service.logged.find(({ fields }) => fields['route'] === '/api/v1/runs/:id');
  assert.deepEqual(
    { message: line?.message, method: line?.fields['method'], status: line?.fields['status'] },
    { message: 'request', method: 'GET', status: 404 },
  );
  assert.doesNotMatch(JSON.stringify(service.logged), /secret-name|csn_/);
});
