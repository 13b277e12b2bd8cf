// Shows that heads and bodies are read alike in whatever pieces they come, and what of the fields goes on. Sockets are elsewhere.
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { fieldsToSend, overrideIn } from '../../../src/egress/http/fields.ts';
import { answerFraming, bodyOf, type Framing, requestFraming } from '../../../src/egress/http/framing.ts';
import { parseAnswerHead, parseRequestHead, readHead } from '../../../src/egress/http/head.ts';
import { createWire, isFault, type Wire } from '../../../src/egress/http/wire.ts';
import { seeded } from '../policy/scene.ts';

/** A wire from which the pieces come one after the other, and then the end. */
function wireOf(...pieces: readonly string[]): Wire {
  const left = [...pieces];
  const stream = new Duplex({
    read() {
      setImmediate(() => this.push(left.length === 0 ? null : Buffer.from(left.shift() ?? '', 'latin1')));
    },
    write: (_, __, done) => done(),
  });
  return createWire(stream);
}

async function read(wire: Wire, framing: Framing): Promise<string> {
  const body = bodyOf(wire, framing);
  let text = '';
  for (;;) {
    const piece = await body();
    if (isFault(piece)) return `${text}! ${piece.fault}`;
    if (piece === undefined) break;
    text += piece.toString('latin1');
  }
  const rest = await wire.read();
  return `${text} + ${rest === undefined || isFault(rest) ? '' : rest.toString('latin1')}`;
}

/** Cut at random places. */
function cut(text: string, pick: (below: number) => number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = 1 + pick(8);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return pieces;
}

describe('A head', () => {
  const text = 'GET /a HTTP/1.1\r\nHost: a.test\r\nX-Two: b \t\r\nx-two:\tc\r\n\r\nrest';

  test('is read in whatever pieces it comes, and leaves what follows', async () => {
    const pick = seeded(1);
    for (let round = 0; round < 50; round += 1) {
      const wire = wireOf(...cut(text, pick));
      const head = await readHead(wire);
      assert.equal(head, text.slice(0, -8));
      let rest = '';
      for (let piece = await wire.read(); Buffer.isBuffer(piece); piece = await wire.read()) rest += piece.toString();
      assert.equal(rest, 'rest');
    }
    assert.deepEqual(parseRequestHead(text.slice(0, -8)), {
      method: 'GET',
      target: '/a',
      minor: 1,
      fields: [
        ['host', 'a.test'],
        ['x-two', 'b'],
        ['x-two', 'c'],
      ],
    });
  });

  const broken: readonly (readonly [text: string, why: RegExp])[] = [
    ['\r\nGET / HTTP/1.1\r\n\r\n', /begins with an empty line|is not HTTP/],
    ['GET / HTTP/1.1\n\n', /bare LF/],
    ['GET / HTTP/1.1\r\nA: b\n\r\n', /bare LF/],
    ['GET / HTTP/1.1\r\nA: b', /ended in the middle/],
    ['\u0016\u0003\u0001', /is not HTTP/],
    [`GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(20_000)}\r\n`, /longer than/],
  ];
  test('that is broken is refused while it is read', async () => {
    for (const [given, why] of broken) {
      const head = await readHead(wireOf(given));
      assert.match(isFault(head) ? head.fault : `read: ${String(head)}`, why);
    }
    assert.equal(await readHead(wireOf()), undefined);
  });

  const lines = [
    'GET  / HTTP/1.1',
    'GET / HTTP/1.2',
    'GET / HTTP/2.0',
    'GET /',
    'GET / HTTP/1.1 ',
    ' GET / HTTP/1.1',
    'G\u0001T / HTTP/1.1',
    'GET /ä HTTP/1.1',
    'GET /\tb HTTP/1.1',
    '',
  ];
  const answers = [
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 600 OK',
    'HTTP/2 200',
    'http/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'ICY 200 OK',
    'HTTP/1.1 200 O\rK',
  ];
  const fields = [' A: b', 'A : b', ': b', 'A', 'A b: c', 'A: b\u0000', 'A: b\rC: d', 'Ä: b', 'A: b\u007f'];
  test('has a first line and fields of one form only', () => {
    assert.deepEqual(
      lines.filter((line) => !isFault(parseRequestHead(line))),
      [],
    );
    assert.deepEqual(
      answers.filter((line) => !isFault(parseAnswerHead(line))),
      [],
    );
    assert.deepEqual(
      fields.filter((line) => !isFault(parseRequestHead(`GET / HTTP/1.1\r\n${line}`))),
      [],
    );
  });
});

describe('Where a body ends', () => {
  const framing = (fields: string, minor = 1) => {
    const head = parseRequestHead(`POST / HTTP/1.${minor}\r\n${fields}`);
    assert.ok(!isFault(head));
    const found = requestFraming(head);
    return isFault(found) ? found.fault : found;
  };
  test('is said by one Content-Length or one chunked, and by nothing else', () => {
    assert.deepEqual(framing('A: b'), { by: 'length', bytes: 0 });
    assert.deepEqual(framing('Content-Length: 007'), { by: 'length', bytes: 7 });
    assert.deepEqual(framing('Transfer-Encoding: Chunked'), { by: 'chunks' });
    for (const length of ['', '-1', '+1', '1 2', '1,1', '0x10', '1e3', '9999999999999999'])
      assert.equal(framing(`Content-Length: ${length}`), 'its Content-Length is no number', length);
    for (const coding of ['', 'gzip', 'gzip, chunked', 'chunked, chunked', 'chunked;a=b', 'identity'])
      assert.equal(framing(`Transfer-Encoding: ${coding}`), 'its Transfer-Encoding is not chunked', coding);
    assert.equal(framing('Transfer-Encoding: chunked', 0), 'HTTP/1.0 has no Transfer-Encoding');
    assert.equal(framing('Content-Length: 1\r\nContent-Length: 1'), 'Content-Length stands in it twice');
  });

  test('of an answer depends on its method and status too', () => {
    const of = (status: number, method: string, more = '') => {
      const head = parseAnswerHead(`HTTP/1.1 ${status} x${more}`);
      assert.ok(!isFault(head));
      return answerFraming(head, method);
    };
    const none = { by: 'length', bytes: 0 };
    const said = '\r\ncontent-length: 9';
    assert.deepEqual([of(200, 'HEAD', said), of(204, 'GET', said), of(304, 'GET', said)], [none, none, none]);
    assert.deepEqual([of(200, 'GET', said), of(200, 'GET')], [{ by: 'length', bytes: 9 }, { by: 'close' }]);
  });

  test('is found in whatever pieces it comes, and nothing behind it is read', async () => {
    const pick = seeded(2);
    const chunks = '3\r\nabc\r\nA;x="y"\r\n0123456789\r\n000\r\ntrailer: z\r\n\r\nnext';
    for (let round = 0; round < 50; round += 1) {
      assert.match(await read(wireOf(...cut(chunks, pick)), { by: 'chunks' }), /^abc0123456789 \+ n/);
      assert.match(await read(wireOf(...cut('abcdefnext', pick)), { by: 'length', bytes: 6 }), /^abcdef \+ n/);
    }
  });

  const broken: readonly (readonly [text: string, why: string])[] = [
    ['', '! it ended in the middle of its chunks'],
    ['3\r\nab', 'ab! it ended in the middle of a chunk'],
    ['3\r\nabcd\r\n', 'abc! a line between its chunks ends with a bare LF'],
    ['x\r\n', '! the size of a chunk is no number'],
    [' 3\r\n', '! the size of a chunk is no number'],
    ['3 \r\r\n', '! a bare CR or a NUL stands between its chunks'],
    ['3\nabc', '! a line between its chunks ends with a bare LF'],
    ['123456789\r\n', '! the size of a chunk is no number'],
    [`3;${'x'.repeat(5000)}\r\n`, '! a line between its chunks is too long'],
    [`0\r\n${'a: b\r\n'.repeat(100)}\r\n`, '! it has more than 64 trailers'],
  ];
  test('in chunks that are broken is nowhere', async () => {
    for (const [text, why] of broken) {
      const got = await read(wireOf(text), { by: 'chunks' });
      assert.ok(
        got === why || (text.startsWith('3\r\nabcd') && /longer than its size|bare LF/.test(got)),
        `${text}: ${got}`,
      );
    }
    assert.equal(await read(wireOf('ab'), { by: 'length', bytes: 3 }), 'ab! its body ended 1 bytes too early');
  });
});

test('fields of one connection, of a proxy and of where a request comes from do not go on', () => {
  const own = [
    ['accept', '*/*'],
    ['set-cookie', 'a'],
    ['set-cookie', 'b'],
  ] as const;
  const dropped =
    'connection: close, X-Mine|x-mine: 1|keep-alive: 5|te: trailers|trailer: x|upgrade: h2c|expect: 100-continue|host: a|' +
    'content-length: 1|transfer-encoding: chunked|proxy-authorization: x|proxy-anything: x|forwarded: x|x-forwarded-host: x|via: x';
  const fields = dropped.split('|').map((field) => field.split(': ') as [string, string]);
  assert.deepEqual(fieldsToSend([...own, ...fields]), own);
});

test('what asks for another method or path is found in fields and queries, however it is written', () => {
  const wrong: readonly (readonly [field: string, query: string])[] = [
    ...['x-http-method-override', 'x_http_method_override', 'x-original-url', 'content_length', 'x-method'].map(
      (field) => [field, ''] as const,
    ),
    ...['_method=put', 'a&_METHOD', '%5fmethod=x', '%255Fmethod=x', 'a;_method=x', 'x_http_method=x'].map(
      (query) => ['accept', query] as const,
    ),
  ];
  for (const [field, query] of wrong) assert.ok(isFault(overrideIn([[field, 'x']], query)), `${field} ${query}`);
  const fine = ['', 'method=put', 'a=_method', 'my_method=1', 'a=%'];
  assert.deepEqual(
    fine.filter(
      (query) =>
        overrideIn(
          [
            ['x_mine', '1'],
            ['host', 'a'],
          ],
          query,
        ) !== undefined,
    ),
    [],
  );
});
