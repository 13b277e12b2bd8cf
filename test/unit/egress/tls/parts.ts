// Sockets, clocks and origins for the tests of TLS: everything is real, on free ports of the loopback.
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock } from '../../../../src/base/clock.ts';
import { makeAuthority, makeLeaf, makeLeafKey, type Validity } from '../../../../src/egress/tls/certificates.ts';

const HOUR = 3_600_000;

export interface MovableClock extends Clock {
  advance(ms: number): void;
}

export function movableClock(): MovableClock {
  let later = 0;
  return {
    now: () => Date.now() + later,
    monotonic: () => performance.now() + later,
    advance: (ms) => {
      later += ms;
    },
  };
}

export const IN_DATE: Validity = { from: Date.now() - HOUR, to: Date.now() + HOUR };
export const EXPIRED: Validity = { from: Date.now() - 2 * HOUR, to: Date.now() - HOUR };
export const NOT_YET: Validity = { from: Date.now() + HOUR, to: Date.now() + 2 * HOUR };

export interface Origin {
  readonly port: number;
  /** PEM of the authority that signed its certificate. */
  readonly authority: string;
  connect(): Promise<Socket>;
}

/** A TLS server that says hello to everyone. Its certificate is for `host`, signed by an authority of its own, or by itself. */
export async function openOrigin(
  context: TestContext,
  { host, validity = IN_DATE, signsItself = false }: { host: string; validity?: Validity; signsItself?: boolean },
): Promise<Origin> {
  const [authority, key] = await Promise.all([makeAuthority('authority of a test', IN_DATE), makeLeafKey()]);
  const signer = signsItself ? { certificate: authority.certificate, key: key.pair.privateKey } : authority;
  const cert = await makeLeaf(host, key, signer, validity);
  const server = createTlsServer({ cert, key: key.key, ALPNProtocols: ['h2', 'http/1.1'] }, (socket) => {
    socket.on('error', () => {});
    socket.write(`hello ${String(socket.servername)} ${String(socket.alpnProtocol)}`);
  });
  const port = await listen(context, server);
  return { port, authority: authority.certificate.toString('pem'), connect: () => connected(port) };
}

/** The two ends of one connection. */
export async function socketPair(context: TestContext): Promise<readonly [Socket, Socket]> {
  const server = createServer({ pauseOnConnect: true });
  const port = await listen(context, server);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = await connected(port);
  const [far] = await accepted;
  for (const socket of [near, far]) socket.on('error', () => {});
  return [near, far];
}

/** What was sent first, as the proxy reads it before it knows what to do. */
export async function firstBytes(socket: Socket): Promise<Buffer> {
  socket.resume();
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.pause();
  return bytes;
}

export async function listen(context: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}
