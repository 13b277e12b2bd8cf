// Shows what goes through the proxy, unharmed and in order, and what it says of it. Attacks are elsewhere.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { HOST, LOOPBACK, OK, openNameServer, openOrigin, openTestProxy, talk } from './scene.ts';

const get = (at: string, path = '/', more = '') => `GET http://${at}${path} HTTP/1.1\r\nHost: ${at}\r\n${more}\r\n`;

/** Echoes method, path, fields and the hash of the body of each request. */
async function openEcho() {
  const server = createServer((asked, answer) => {
    const hash = createHash('sha256');
    asked.on('data', (bytes: Buffer) => hash.update(bytes));
    asked.on('end', () => {
      answer.setHeader('set-cookie', ['a=1', 'b=2']);
      answer.end(JSON.stringify([asked.method, asked.url, asked.headers, hash.digest('hex')]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => new Promise<void>((resolve) => server.close(() => resolve()).closeAllConnections()) };
}

interface Answered {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function ask(proxy: number, url: string, options: object = {}, body?: Buffer): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const { host } = new URL(url);
    const asked = request({ port: proxy, path: url, headers: { host }, agent: false, ...options }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (bytes: Buffer) => parts.push(bytes));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

describe('A request that is allowed', () => {
  it('reaches its origin as it was judged, and its answer comes back with every field', async () => {
    const echo = await openEcho();
    const proxy = await openTestProxy();
    const at = `${HOST}:${echo.port}`;
    const got = await ask(proxy.port, `http://${at}/a//b/../c%7E?q=%2e%2E`, {
      headers: { host: at, 'x-own': 'mine', te: 'trailers' },
    });
    const records = proxy.records();
    await Promise.all([proxy.close(), echo.close()]);
    assert.deepEqual([got.status, got.headers['set-cookie']], [200, ['a=1', 'b=2']]);
    const [method, url, headers] = JSON.parse(got.body.toString()) as unknown[];
    assert.deepEqual([method, url, headers], ['GET', '/a/c~?q=%2e%2E', { host: at, 'x-own': 'mine' }]);
    assert.deepEqual(
      records.map((record) => ({ ...record, at: 0 })),
      [
        {
          at: 0,
          outcome: 'allowed',
          rule: 'rule-1',
          said: `GET http://${at}/a/c~ was allowed by rule-1.`,
          host: HOST,
          port: echo.port,
          scheme: 'http',
          method: 'GET',
          path: '/a/c~',
          sentBytes: 0,
          receivedBytes: got.body.length,
        },
      ],
    );
  });

  it('carries a large body by length and in chunks, also when the program waits for 100', async () => {
    const echo = await openEcho();
    const proxy = await openTestProxy();
    const body = randomBytes(3_000_000);
    const at = `${HOST}:${echo.port}`;
    const forms = [
      { 'content-length': String(body.length) },
      { 'transfer-encoding': 'chunked' },
      { 'content-length': String(body.length), expect: '100-continue' },
    ];
    const hashes: unknown[] = [];
    for (const form of forms) {
      const got = await ask(proxy.port, `http://${at}/`, { method: 'POST', headers: { host: at, ...form } }, body);
      hashes.push((JSON.parse(got.body.toString()) as unknown[])[3]);
    }
    const sent = proxy.records().reduce((sum, record) => sum + record.sentBytes, 0);
    await Promise.all([proxy.close(), echo.close()]);
    const hash = createHash('sha256').update(body).digest('hex');
    assert.deepEqual([hashes, sent], [[hash, hash, hash], 3 * body.length]);
  });

  const forms: readonly (readonly [name: string, answer: string, want: RegExp])[] = [
    ['of a known length', OK, /content-length: 4\r\n\r\nloot$/],
    [
      'in chunks',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x\r\nloot\r\n0\r\nt: 1\r\n\r\n',
      /\r\n\r\n4\r\nloot\r\n0\r\n\r\n$/,
    ],
    [
      'behind interim answers',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${OK}`,
      /^HTTP\/1\.1 200 OK/,
    ],
    ['without a body', 'HTTP/1.1 204 No Content\r\n\r\n', /^HTTP\/1\.1 204 No Content\r\n\r\n$/],
    [
      'that was not changed',
      'HTTP/1.1 304 Not Modified\r\netag: "1"\r\n\r\n',
      /^HTTP\/1\.1 304 Not Modified\r\netag: "1"\r\n\r\n$/,
    ],
    [
      'of HTTP/1.0',
      'HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nloot',
      /^HTTP\/1\.1 200 OK\r\ncontent-length: 4\r\n\r\nloot$/,
    ],
    ['without a reason', 'HTTP/1.1 200 \r\ncontent-length: 4\r\n\r\nloot', /^HTTP\/1\.1 200 \r\n/],
  ];
  for (const [name, answer, want] of forms) {
    it(`may have an answer ${name}, and so may the next one on the same connection`, async () => {
      const origin = await openOrigin(answer);
      const proxy = await openTestProxy();
      const at = `${HOST}:${origin.port}`;
      const first = await talk(proxy.port, get(at));
      const both = await talk(proxy.port, get(at) + get(at));
      await Promise.all([proxy.close(), origin.close()]);
      assert.match(first, want);
      assert.equal(both, first + first);
    });
  }

  it('to HEAD has the length of the answer and no body', async () => {
    const origin = await openOrigin('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
    const proxy = await openTestProxy();
    const got = await talk(proxy.port, get(`${HOST}:${origin.port}`).replace('GET', 'HEAD'));
    await Promise.all([proxy.close(), origin.close()]);
    assert.equal(got, 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
  });

  it('has an answer that ends with its connection: in chunks, or with the program’s connection for HTTP/1.0', async () => {
    const origin = await openOrigin((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nuntil the end'));
    const proxy = await openTestProxy();
    const at = `${HOST}:${origin.port}`;
    const [newer, older] = [await talk(proxy.port, get(at)), await talk(proxy.port, get(at).replace('1.1', '1.0'))];
    await Promise.all([proxy.close(), origin.close()]);
    assert.equal(newer, 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nd\r\nuntil the end\r\n0\r\n\r\n');
    assert.equal(older, 'HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nuntil the end');
  });

  it('uses one connection of an origin again, and another one when that has ended meanwhile', async () => {
    let isFirst = true;
    const origin = await openOrigin((socket) => {
      socket.write(OK);
      if (isFirst) setTimeout(() => socket.end(), 50);
      isFirst = false;
    });
    const proxy = await openTestProxy();
    const at = `${HOST}:${origin.port}`;
    const got: string[] = [];
    for (let times = 0; times < 4; times += 1) got.push(await talk(proxy.port, get(at), 100));
    await Promise.all([proxy.close(), origin.close()]);
    assert.ok(
      got.every((one) => one.endsWith('loot')),
      got.join('|'),
    );
    assert.equal(origin.connections(), 2);
  });

  it('whose answer breaks off is cut off too, so that nobody takes it for whole', async () => {
    const answers = [
      'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    ];
    for (const answer of answers) {
      const origin = await openOrigin((socket) => socket.end(answer));
      const proxy = await openTestProxy();
      await assert.rejects(ask(proxy.port, `http://${HOST}:${origin.port}/`), /aborted|ECONNRESET|socket hang up/);
      await proxy.close();
      await origin.close();
      assert.deepEqual(
        proxy.records().map((record) => [record.outcome, /its answer broke off/.test(record.said)]),
        [['failed', true]],
      );
    }
  });

  it('whose origin is not there, has no address or no resolver is answered with 502 and why', async () => {
    const names = await openNameServer(() => []);
    const proxy = await openTestProxy({ rules: [LOOPBACK, {}], lookup: names.lookup });
    const closed = await openOrigin();
    await closed.close();
    const got = [await talk(proxy.port, get(`${HOST}:${closed.port}`)), await talk(proxy.port, get('none.test'))];
    await names.close();
    await proxy.close();
    assert.match(
      got[0] ?? '',
      /^HTTP\/1\.1 502 .*was allowed and failed: 127\.0\.0\.1 port \d+ was not reached \(ECONNREFUSED\)\.\n$/s,
    );
    assert.match(
      got[1] ?? '',
      /^HTTP\/1\.1 502 .*was allowed and failed: the resolver knows no address of none\.test\.\n$/s,
    );
  });
});

describe('A WebSocket that a rule allows', () => {
  it('carries bytes both ways, and is counted', async () => {
    // The example of RFC 6455.
    const [key, accept] = ['dGhlIHNhbXBsZSBub25jZQ==', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='];
    const origin = await openOrigin((socket, text) => {
      if (!text.startsWith('GET')) socket.write(text.toUpperCase());
      else
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
    });
    const proxy = await openTestProxy({ rules: [{ ...LOOPBACK, websocket: true }] });
    const at = `${HOST}:${origin.port}`;
    const got = await new Promise<string>((resolve) => {
      let text = '';
      const socket: Socket = connect(proxy.port, '127.0.0.1', () =>
        socket.write(
          get(
            at,
            '/chat',
            `Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n`,
          ),
        ),
      );
      socket.on('data', (bytes: Buffer) => {
        text += bytes.toString();
        if (text.endsWith('\r\n\r\n')) socket.write('hello');
        if (text.endsWith('HELLO')) socket.end();
      });
      socket.on('close', () => resolve(text));
    });
    await Promise.all([proxy.close(), origin.close()]);
    assert.match(got, /^HTTP\/1\.1 101 Switching Protocols\r\n.*\r\n\r\nHELLO$/s);
    assert.match(
      origin.seen(),
      /^GET \/chat HTTP\/1\.1\r\nhost: .*\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: .*\r\n\r\nhello$/s,
    );
    assert.deepEqual(
      proxy.records().map((record) => [record.outcome, record.path, record.sentBytes, record.receivedBytes]),
      [['allowed', '/chat', 5, 5]],
    );
  });
});
