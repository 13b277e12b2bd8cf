// Shows that a message which two readers would cut in two ways reaches nobody: named attacks on requests, each with its positive control.
import { defineAttacks } from './attack.ts';
import { OK } from './scene.ts';

const SMUGGLED = 'GET /secret HTTP/1.1\r\nHost: inner.test\r\n\r\n';
const SECRET = /^GET \/secret /m;
/** Only /open is allowed; the second request of a connection is what is wanted. */
const ONLY_OPEN = { pathPrefixes: ['/open'] };
const naiveOpen = { allows: (_: string, path: string) => path.startsWith('/open') };

const post = (at: string, fields: string, body: string) =>
  `POST http://${at}/open HTTP/1.1\r\nHost: ${at}\r\n${fields}\r\n\r\n${body}`;
const get = (at: string, fields: string) => `GET http://${at}/open HTTP/1.1\r\nHost: ${at}\r\n${fields}\r\n\r\n`;
const inner = (bytes: number) => `${SMUGGLED}${'x'.repeat(Math.max(0, bytes - SMUGGLED.length))}`;

const smuggling = { rule: ONLY_OPEN, naive: naiveOpen, loot: SECRET, reachesNobody: true };

defineAttacks('A request inside the body of another one', [
  {
    name: 'Content-Length and Transfer-Encoding in one request',
    send: (at) => post(at, 'Content-Length: 200\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`),
    blocked: /both Content-Length and Transfer-Encoding/,
    ...smuggling,
  },
  {
    name: 'Content-Length twice',
    send: (at) => post(at, 'Content-Length: 0\r\nContent-Length: 200', inner(200)),
    blocked: /Content-Length stands in it twice/,
    ...smuggling,
  },
  {
    name: 'a list of Content-Lengths',
    send: (at) => post(at, 'Content-Length: 0, 200', inner(200)),
    blocked: /Content-Length is no number/,
    ...smuggling,
  },
  {
    name: 'a Content-Length with a sign',
    send: (at) => post(at, 'Content-Length: +0', inner(200)),
    blocked: /Content-Length is no number/,
    ...smuggling,
  },
  {
    name: 'Transfer-Encoding twice',
    send: (at) => post(at, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${SMUGGLED}`),
    blocked: /Transfer-Encoding stands in it twice/,
    ...smuggling,
  },
  {
    name: 'a Transfer-Encoding that is almost chunked',
    send: (at) => post(at, 'Transfer-Encoding: xchunked', `0\r\n\r\n${SMUGGLED}`),
    blocked: /Transfer-Encoding is not chunked/,
    ...smuggling,
  },
  {
    name: 'a Transfer-Encoding with a blank before its colon',
    send: (at) => post(at, 'Transfer-Encoding : chunked', `0\r\n\r\n${SMUGGLED}`),
    blocked: /no good name before a colon/,
    ...smuggling,
  },
  {
    name: 'a Transfer-Encoding behind a vertical tab',
    send: (at) => post(at, 'Transfer-Encoding: \u000bchunked', `0\r\n\r\n${SMUGGLED}`),
    blocked: /control character/,
    ...smuggling,
  },
  {
    name: 'a Transfer-Encoding with an underscore',
    send: (at) => post(at, 'Transfer_Encoding: chunked\r\nContent-Length: 0', SMUGGLED),
    blocked: /transfer_encoding may be taken for transfer-encoding/,
    ...smuggling,
  },
  {
    name: 'a field that goes on in a second line',
    send: (at) => post(at, 'X-One: a\r\n Content-Length: 0', SMUGGLED),
    blocked: /goes on in a second line/,
    ...smuggling,
  },
  {
    name: 'a head that ends with bare LFs',
    send: (at) => `GET http://${at}/open HTTP/1.1\nHost: ${at}\n\n${SMUGGLED}`,
    blocked: /bare LF/,
    ...smuggling,
  },
  {
    name: 'a bare CR in a field',
    send: (at) => get(at, 'X-One: a\rGET /secret HTTP/1.1'),
    blocked: /bare CR/,
    ...smuggling,
    loot: /\rGET \/secret/,
  },
  {
    name: 'a NUL in a field',
    send: (at) => get(at, 'X-One: a\0b'),
    blocked: /NUL/,
    ...smuggling,
    loot: /a\0b/,
  },
]);

const chunked = { rule: ONLY_OPEN, naive: naiveOpen };

defineAttacks('Chunks that are read in two ways', [
  {
    name: 'a chunk that is longer than its size',
    send: (at) => post(at, 'Transfer-Encoding: chunked', `1\r\nabc\r\n0\r\n\r\n${SMUGGLED}`),
    loot: SECRET,
    blocked: /longer than its size/,
    ...chunked,
  },
  {
    name: 'a chunk size that overflows',
    send: (at) => post(at, 'Transfer-Encoding: chunked', `100000000000000000\r\n${SMUGGLED}`),
    loot: SECRET,
    blocked: /size of a chunk is no number/,
    ...chunked,
  },
  {
    name: 'a line behind a chunk that ends with a bare LF',
    send: (at) => post(at, 'Transfer-Encoding: chunked', `1\na\n0\n\n${SMUGGLED}`),
    loot: SECRET,
    blocked: /between its chunks ends with a bare LF/,
    ...chunked,
  },
  {
    name: 'an extension of a chunk',
    send: (at) => post(at, 'Transfer-Encoding: chunked', '1;leak=ext-loot\r\na\r\n0\r\n\r\n'),
    loot: /ext-loot/,
    harmless: /\r\n\r\n1\r\na\r\n0\r\n\r\n$/,
    ...chunked,
  },
  {
    name: 'a trailer',
    send: (at) => post(at, 'Transfer-Encoding: chunked\r\nTrailer: X-Late', '1\r\na\r\n0\r\nX-Late: late-loot\r\n\r\n'),
    loot: /late-loot|trailer:/i,
    harmless: /\r\n\r\n1\r\na\r\n0\r\n\r\n$/,
    ...chunked,
  },
]);

defineAttacks('More than was judged on one connection', [
  {
    name: 'a pipelined second request for what is not allowed',
    send: (at) => `${get(at, 'X: 1')}GET http://${at}/secret HTTP/1.1\r\nHost: ${at}\r\n\r\n`,
    loot: /^GET (?:http:\S*)?\/secret /m,
    blocked: /GET http:\/\/site\.test:\d+\/secret is allowed by no rule/,
    rule: ONLY_OPEN,
    naive: naiveOpen,
  },
  {
    name: 'HTTP/2 by prior knowledge',
    send: (at) => `${get(at, 'X: 1')}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`,
    loot: /PRI \* HTTP\/2/,
    blocked: /it is HTTP\/2/,
  },
  {
    name: 'an upgrade to h2c',
    send: (at) => get(at, 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk'),
    loot: /Upgrade: h2c/i,
    blocked: /another protocol \(Upgrade: h2c\)/,
    reachesNobody: true,
  },
  {
    name: 'an upgrade to a WebSocket that no rule allows',
    send: (at) => get(at, 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='),
    loot: /Upgrade: websocket/i,
    blocked: /a WebSocket needs a rule that says/,
    reachesNobody: true,
  },
  {
    name: 'a head that does not end',
    send: (at) => get(at, `X-Long: ${'a'.repeat(300_000)}long-loot`),
    answer: (socket, text) => void (text.includes('long-loot') && socket.write(OK)),
    loot: /long-loot/,
    blocked: /head is longer than 65536 bytes/,
    reachesNobody: true,
  },
  {
    name: 'a thousand fields',
    answer: (socket, text) => void (text.includes('x-999') && socket.write(OK)),
    send: (at) => get(at, Array.from({ length: 1000 }, (_, index) => `x-${index}: 1`).join('\r\n')),
    loot: /x-999: 1/,
    blocked: /more than 128 fields/,
    reachesNobody: true,
  },
]);
