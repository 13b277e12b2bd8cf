// Shows that an origin cannot make a program or the next request see what it did not say openly: named attacks on answers.
import type { Socket } from 'node:net';
import { defineAttacks } from './attack.ts';

const get = (at: string, path = '/open', more = '') => `GET http://${at}${path} HTTP/1.1\r\nHost: ${at}\r\n${more}\r\n`;
const SPLIT = 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsplit-loot';

/** All of it at once, to the first read only. */
const once = (text: string) => {
  let isDone = false;
  return (socket: Socket) => {
    if (!isDone) socket.write(text, 'latin1');
    isDone = true;
  };
};
/** A new one for each of the two proxies. */
const always = (text: string) => (socket: Socket) => {
  once(text)(socket);
};

defineAttacks('An answer that is read as two, or as another', [
  {
    name: 'a second answer behind a bare LF in a field',
    send: (at) => get(at),
    answer: always(`HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: a\n\n${SPLIT}`),
    loot: /split-loot/,
    blocked: /its answer was refused: a line ends with a bare LF/,
  },
  {
    name: 'a field behind a bare CR',
    send: (at) => get(at),
    answer: always('HTTP/1.1 200 OK\r\nx: a\rset-cookie: split-loot\r\ncontent-length: 0\r\n\r\n'),
    loot: /split-loot/,
    blocked: /its answer was refused: a bare CR/,
  },
  {
    name: 'an answer to a question that nobody asked, behind the first',
    send: (at) => get(at),
    answer: always(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok${SPLIT}`),
    loot: /split-loot/,
  },
  {
    name: 'both Content-Length and Transfer-Encoding in an answer',
    send: (at) => get(at),
    answer: always(`HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${SPLIT}`),
    loot: /split-loot/,
    blocked: /its answer was refused: it has both/,
  },
  {
    name: 'two Content-Lengths in an answer',
    send: (at) => get(at),
    answer: always(`HTTP/1.1 200 OK\r\ncontent-length: 0\r\ncontent-length: 50\r\n\r\n${SPLIT}`),
    loot: /split-loot/,
    blocked: /its answer was refused: Content-Length stands in it twice/,
  },
  {
    name: 'a trailer that sets a cookie',
    send: (at) => get(at),
    answer: always(
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=1\r\na\r\n0\r\nset-cookie: late-loot\r\n\r\n',
    ),
    loot: /late-loot/,
  },
  {
    name: 'a change of protocol that nobody asked for',
    send: (at) => get(at),
    answer: always('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: raw\r\n\r\nraw-loot'),
    loot: /raw-loot/,
    blocked: /changes to another protocol that nobody asked for/,
  },
  {
    name: 'a WebSocket that agrees to another key',
    send: (at) =>
      get(at, '/open', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'),
    answer: always(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\nraw-loot',
    ),
    loot: /raw-loot/,
    blocked: /agrees to no WebSocket that was asked for/,
    rule: { websocket: true },
  },
  {
    name: 'a flood of interim answers',
    send: (at) => get(at),
    answer: always('HTTP/1.1 103 Early Hints\r\nlink: flood-loot\r\n\r\n'.repeat(100)),
    loot: /flood-loot/,
    blocked: /too many interim answers/,
  },
  {
    name: 'an answer in another protocol',
    send: (at) => get(at),
    answer: always('SSH-2.0-loot\r\n\r\n'),
    loot: /SSH-2\.0-loot/,
    blocked: /status line is not one of HTTP\/1\.1/,
  },
  {
    name: 'a head of an answer that does not end',
    send: (at) => get(at),
    answer: always(`HTTP/1.1 200 OK\r\nx-long: ${'a'.repeat(100_000)}head-loot\r\n\r\n`),
    loot: /head-loot/,
    blocked: /its answer was refused: its head is longer/,
  },
  {
    name: 'a way past the proxy by Alt-Svc',
    send: (at) => get(at),
    answer: always('HTTP/1.1 200 OK\r\nalt-svc: h3=":443"\r\ncontent-length: 0\r\n\r\n'),
    loot: /alt-svc/,
  },
]);
