// Secrets in the whole proxy: an origin that echoes what it is sent, in every way it likes, and a program that tries to get the value.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { BoundSecret } from '../../src/contracts/egress.ts';
import { HOST, LOOPBACK } from './scene.ts';
import { openTlsScene, OTHER, type TlsScene } from './tls-scene.ts';

const SECRET: BoundSecret = {
  name: 'TOKEN',
  value: 'ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ',
  placeholder: 'ghp_ZyXwVuTsRqPoNmLk0J9i8H7g6F5e4D3c2B1a',
  header: 'authorization',
  match: { hosts: [HOST], schemes: ['https'] },
};
const { value: VALUE, placeholder: PLACEHOLDER } = SECRET;
const RULES = [LOOPBACK, { ...LOOPBACK, hosts: [OTHER] }];
const BASIC = `Basic ${Buffer.from(`me:${PLACEHOLDER}`).toString('base64')}`;

const request = (more: string, path = '/', host = HOST) => `GET ${path} HTTP/1.1\r\nHost: ${host}:PORT\r\n${more}\r\n`;
const USE = request(`Authorization: Bearer ${PLACEHOLDER}\r\n`);
const DIRECT = request(`Authorization: Bearer ${VALUE}\r\n`);
describe('Secrets in the proxy', { concurrency: 8 }, () => {
  it('the origin gets the value in the header it is bound to, as Bearer and as Basic, and the record names the secret', async (context) => {
    const scene = await openSecretScene(context);
    await scene.ask([USE, request(`Authorization: ${BASIC}\r\n`)]);
    assert.match(scene.seen(), new RegExp(`authorization: Bearer ${VALUE}\\r\\n`));
    assert.match(
      scene.seen(),
      new RegExp(`authorization: Basic ${Buffer.from(`me:${VALUE}`).toString('base64')}\\r\\n`),
    );
    const records = scene.records();
    assert.deepEqual(
      records.map(({ secrets }) => secrets),
      records.map(() => ['TOKEN']),
    );
    assert.equal(JSON.stringify(records).includes(VALUE), false);
  });

  const ELSEWHERE: Readonly<Record<string, string>> = {
    'in the path': request('', `/${PLACEHOLDER}`),
    'in the query': request('', `/?token=${PLACEHOLDER}`),
    'in another header': request(`X-Token: ${PLACEHOLDER}\r\n`),
    'in a cookie': request(`Cookie: a=${PLACEHOLDER}\r\n`),
    'in the name of a header': request(`X-${PLACEHOLDER}: 1\r\n`),
    'in the body': `POST / HTTP/1.1\r\nHost: ${HOST}:PORT\r\nContent-Length: ${PLACEHOLDER.length}\r\n\r\n${PLACEHOLDER}`,
    'glued to something in its header': request(`Authorization: Bearer a${PLACEHOLDER}\r\n`),
    'in a Basic of a Basic': request(`Authorization: Basic ${Buffer.from(BASIC).toString('base64')}\r\n`),
  };

  for (const [name, text] of Object.entries(ELSEWHERE))
    it(`attack: the placeholder ${name} stays the placeholder`, async (context) => {
      const scene = await openSecretScene(context);
      await scene.ask(USE);
      assert.ok(scene.seen().includes(VALUE), 'where it belongs, the value is put in');
      const before = scene.seen().length;
      await scene.ask(text);
      const seen = scene.seen().slice(before);
      assert.ok(seen.length > 0, 'the request did not come to the origin');
      assert.equal(leak(seen), undefined);
    });

  it('attack: the placeholder in its header, but to another host on the same address', async (context) => {
    const scene = await openSecretScene(context, undefined, OTHER);
    await scene.ask(request(`Authorization: Bearer ${PLACEHOLDER}\r\n`, '/', OTHER), { host: OTHER });
    assert.match(scene.seen(), new RegExp(`authorization: Bearer ${PLACEHOLDER}\\r\\n`));
    assert.equal(leak(scene.seen()), undefined);
  });

  it('attack: the placeholder in its header, but to another path than it is bound to', async (context) => {
    const scene = await openSecretScene(context, undefined, HOST, {
      ...SECRET,
      match: { hosts: [HOST], schemes: ['https'], pathPrefixes: ['/only'] },
    });
    await scene.ask(USE);
    assert.match(scene.seen(), new RegExp(`authorization: Bearer ${PLACEHOLDER}\\r\\n`));
    assert.equal(leak(scene.seen()), undefined);
    await scene.ask(request(`Authorization: Bearer ${PLACEHOLDER}\r\n`, '/only/this'));
    assert.ok(scene.seen().includes(VALUE), 'to the path that it is bound to, it goes');
  });

  /** Each gives one answer in which the value stands that the origin was sent; `sent` is the request. */
  const ECHOES: Readonly<Record<string, (sent: string) => readonly (string | Buffer)[]>> = {
    'in the body': (sent) => [whole(sent)],
    'in base64': (sent) => [whole(Buffer.from(sent).toString('base64'))],
    'in the tail of a base64 that begins one byte later': (sent) => [whole(Buffer.from(`x${sent}`).toString('base64'))],
    'in the tail of a base64 that begins two bytes later': (sent) => [
      whole(Buffer.from(`xy${sent}`).toString('base64')),
    ],
    'in base64 for addresses': (sent) => [whole(Buffer.from(sent).toString('base64url'))],
    'percent-encoded': (sent) => [whole(encodeURIComponent(sent))],
    'percent-encoded to the last character': (sent) => [
      whole(Buffer.from(sent).toString('hex').replaceAll(/../g, '%$&')),
    ],
    'in hex': (sent) => [whole(Buffer.from(sent).toString('hex'))],
    'as JSON': (sent) => [whole(JSON.stringify({ sent }))],
    'as JSON of escapes': (sent) => [whole(Buffer.from(sent).toString('hex').replaceAll(/../g, '\\u00$&'))],
    'in gzip that nobody asked for': (sent) => [encoded('gzip', gzipSync(sent))],
    'in Brotli that nobody asked for': (sent) => [encoded('br', brotliCompressSync(sent))],
    'in chunks of one byte': (sent) => [
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n',
      ...Array.from(Buffer.from(sent), (byte) => `1\r\n${String.fromCharCode(byte)}\r\n`),
      '0\r\n\r\n',
    ],
    'in two pieces with a pause between': (sent) => [
      `HTTP/1.1 200 OK\r\ncontent-length: ${sent.length}\r\n\r\n${sent.slice(0, sent.indexOf(VALUE) + 20)}`,
      sent.slice(sent.indexOf(VALUE) + 20),
    ],
    'in a body that ends with the connection': (sent) => [`HTTP/1.0 200 OK\r\n\r\n${sent}`, ''],
    'in a header': () => [`HTTP/1.1 200 OK\r\nx-echo: ${VALUE}\r\ncontent-length: 0\r\n\r\n`],
    'in the name of a header': () => [`HTTP/1.1 200 OK\r\nx-${VALUE}: 1\r\ncontent-length: 0\r\n\r\n`],
    'in a cookie, percent-encoded': () => [
      `HTTP/1.1 200 OK\r\nset-cookie: t=${Buffer.from(VALUE).toString('hex').replaceAll(/../g, '%$&')}\r\ncontent-length: 0\r\n\r\n`,
    ],
    'in a redirect to another host': () => [
      `HTTP/1.1 302 Found\r\nlocation: https://${OTHER}/?t=${VALUE}\r\ncontent-length: 0\r\n\r\n`,
    ],
    'in the reason of the status': () => [`HTTP/1.1 200 ${VALUE}\r\ncontent-length: 0\r\n\r\n`],
    'in an answer before the answer': () => [`HTTP/1.1 103 Early Hints\r\nlink: <${VALUE}>\r\n\r\n`, whole('done')],
    'in a trailer': () => [
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n4\r\ndone\r\n0\r\nx-late: ${VALUE}\r\n\r\n`,
    ],
    'in an extension of a chunk': () => [
      `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;x=${VALUE}\r\ndone\r\n0\r\n\r\n`,
    ],
  };

  for (const [name, echo] of Object.entries(ECHOES))
    it(`attack: an origin echoes the value ${name}`, async (context) => {
      const scene = await openSecretScene(context, echo);
      assert.notEqual(leak(await scene.askDirectly(DIRECT)), undefined, 'without the proxy the program has the value');
      const got = await scene.ask(USE);
      assert.match(got, /^HTTP\/1\.1 (?:200|302) /);
      assert.equal(leak(got), undefined);
    });

  const UNREADABLE: Readonly<Record<string, (sent: string) => readonly (string | Buffer)[]>> = {
    'in an encoding that cannot be read': (sent) => [encoded('compress', Buffer.from(sent))],
    'in two encodings': (sent) => [encoded('gzip, gzip', gzipSync(gzipSync(sent)))],
    'in a part of its body': () => [
      `HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-9/40\r\ncontent-length: 10\r\n\r\n${VALUE.slice(0, 10)}`,
    ],
  };

  for (const [name, echo] of Object.entries(UNREADABLE))
    it(`attack: an origin echoes the value ${name}, and its answer is refused`, async (context) => {
      const scene = await openSecretScene(context, echo);
      assert.match(await scene.askDirectly(DIRECT), /^HTTP\/1\.1 20/, 'without the proxy the program has the answer');
      assert.match(await scene.ask(USE), /^HTTP\/1\.1 502 Bad Gateway[^]*its answer was refused: it /);
    });

  it('attack: a program asks for a piece of what an origin stored, and gets the whole, masked', async (context) => {
    const ranged = (sent: string) => {
      const range = /range: bytes=(\d+)-(\d+)/i.exec(sent);
      return [
        whole(range === null ? `stored ${VALUE}` : `stored ${VALUE}`.slice(Number(range[1]), Number(range[2]) + 1)),
      ];
    };
    const scene = await openSecretScene(context, ranged);
    const piece = request('Range: bytes=7-16\r\n');
    assert.match(
      await scene.askDirectly(piece),
      new RegExp(`${VALUE.slice(0, 10)}$`),
      'without the proxy the program has a piece',
    );
    assert.equal(unchunked(await scene.ask(piece)), `stored ${PLACEHOLDER}`);
  });

  it('attack: the value comes back in the second answer of a tunnel, long after it was put in', async (context) => {
    const scene = await openSecretScene(context, () => [whole(`stored ${VALUE}`)]);
    const got = await scene.ask([USE, request('')]);
    assert.equal((got.match(new RegExp(PLACEHOLDER, 'g')) ?? []).length, 2);
    assert.equal(leak(got), undefined);
  });

  it('attack: what was put into Basic comes back encoded once more', async (context) => {
    const scene = await openSecretScene(context, (sent) => [whole(Buffer.from(sent).toString('base64'))]);
    const got = await scene.ask(request(`Authorization: ${BASIC}\r\n`));
    assert.equal(leak(got), undefined);
    const body = Buffer.from(unchunked(got), 'base64').toString();
    assert.match(body, new RegExp(`authorization: ${BASIC}`));
  });

  it('a large answer of a bound host passes through the mask whole', async (context) => {
    const filler = 'nothing to see here. '.repeat(200_000);
    const scene = await openSecretScene(context, () => [whole(`${filler}${VALUE}${filler}`)]);
    const got = await scene.ask(USE);
    assert.equal(unchunked(got), `${filler}${PLACEHOLDER}${filler}`);
  });
});

async function openSecretScene(
  context: TestContext,
  echo: (sent: string) => readonly (string | Buffer)[] = () => [whole('hello')],
  certified = HOST,
  secret = SECRET,
): Promise<TlsScene> {
  const answer = (socket: Socket, text: string) => {
    const pieces = [...echo(text)];
    const next = () => {
      const piece = pieces.shift();
      if (piece === undefined) return;
      if (piece.length === 0) socket.end();
      else
        socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece, () =>
          setTimeout(next, pieces.length > 10 ? 0 : 20),
        );
    };
    next();
  };
  return openTlsScene(context, { answer, rules: RULES, secrets: [secret], certified });
}

function whole(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

function encoded(encoding: string, body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

function unchunked(answer: string): string {
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  if (!/transfer-encoding: chunked/.test(answer)) return rest;
  let body = '';
  for (let size = Number.parseInt(rest, 16); size > 0; size = Number.parseInt(rest, 16)) {
    const start = rest.indexOf('\r\n') + 2;
    body += rest.slice(start, start + size);
    rest = rest.slice(start + size + 2);
  }
  return body;
}

/** The way in which the value, or most of it, stands in the text; undefined: it does not. */
function leak(text: string): string | undefined {
  const joined = text.replaceAll(/\r\n[0-9a-f]+\r\n/g, '').toLowerCase();
  const core = VALUE.slice(4, 36);
  const ways: Readonly<Record<string, string>> = {
    plain: core,
    hex: Buffer.from(core).toString('hex'),
    percent: Buffer.from(core).toString('hex').replaceAll(/../g, '%$&'),
    escapes: Buffer.from(core).toString('hex').replaceAll(/../g, '\\u00$&'),
    ...Object.fromEntries(
      [0, 1, 2].map((skip) => [`base64 at ${skip}`, Buffer.from(core).subarray(skip).toString('base64').slice(0, 36)]),
    ),
  };
  const gunzipped = text.includes('content-encoding') ? 'encoded' : undefined;
  return Object.keys(ways).find((way) => joined.includes((ways[way] ?? '').toLowerCase())) ?? gunzipped;
}
