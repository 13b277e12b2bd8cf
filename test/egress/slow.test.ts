// Shows that a program or an origin that is slow on purpose is cut off by its time: named attacks whose control is a server without limits.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { it } from 'node:test';
import { LIMITS } from '../../src/base/limits.ts';
import { helloOf } from './hello.ts';
import { HOST, LOOPBACK, openOrigin, openTestProxy } from './scene.ts';

/** The ceiling, what is waited behind a word of farewell, and a busy machine. */
const LONGEST_MS = LIMITS.egressHandshakeMs + 6500;

interface Dripped {
  readonly ms: number;
  readonly got: string;
}

/** Sends `start`, then `rest` byte by byte, until the other side ends it or LONGEST_MS have gone. */
function drip(port: number, start: string, rest: Buffer): Promise<Dripped> {
  return new Promise((resolve) => {
    let got = '';
    let at = 0;
    const began = performance.now();
    const socket = connect(port, '127.0.0.1', () => socket.write(start, 'latin1'));
    const timer = setInterval(() => {
      if (at < rest.length && socket.writable) socket.write(rest.subarray(at, (at += 1)));
      if (performance.now() - began > LONGEST_MS) socket.destroy();
    }, 250);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => (got += bytes.toString('latin1')));
    socket.on('close', () => {
      clearInterval(timer);
      resolve({ ms: performance.now() - began, got });
    });
  });
}

it('a head, a ClientHello and a head of an answer that come byte by byte are cut off by their time', async () => {
  const origin = await openOrigin((socket) => {
    let at = 0;
    const text = `HTTP/1.1 200 OK\r\nx: ${'a'.repeat(1000)}`;
    const timer = setInterval(() => socket.write(text.slice(at, (at += 1))), 250);
    socket.on('close', () => clearInterval(timer));
  });
  const naive = await openOrigin(() => {});
  const proxy = await openTestProxy({ rules: [{ ...LOOPBACK, tls: 'pass' }] });
  const at = `${HOST}:${origin.port}`;
  const head = Buffer.from(`GET http://${at}/${'a'.repeat(1000)}`);
  const hello = helloOf({ names: [HOST], more: [[21, Buffer.alloc(1000)]] });
  const connectTo = `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n\r\n`;
  const [control, ...slow] = await Promise.all([
    drip(naive.port, '', head),
    drip(proxy.port, '', head),
    drip(proxy.port, connectTo, hello),
    drip(proxy.port, connectTo, Buffer.alloc(0)),
    drip(proxy.port, `GET http://${at}/ HTTP/1.1\r\nHost: ${at}\r\nConnection: close\r\n\r\n`, Buffer.alloc(0)),
  ]);
  await Promise.all([proxy.close(), origin.close(), naive.close()]);
  assert.ok(control.ms > LONGEST_MS, 'a server without limits has cut it off too: nothing is shown');
  const most = LONGEST_MS - 500;
  assert.ok(
    slow.every(({ ms }) => ms < most),
    slow.map(({ ms }) => Math.round(ms)).join(' '),
  );
  const said = proxy.records().map((record) => record.said);
  for (const why of [
    /its head did not come to an end in time\.$/m,
    /no whole ClientHello came in time\.$/m,
    /its answer was refused: its head did not/,
  ])
    assert.match(said.join('\n'), why);
});
