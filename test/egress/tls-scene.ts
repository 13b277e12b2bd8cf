// The world of a test of TLS and of secrets: an origin with a certificate, the proxy with real TLS, programs that speak through a tunnel.
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { connect as connectTls, createServer, type ConnectionOptions } from 'node:tls';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { proxies } from '../../src/egress-proxy.ts';
import type { BoundSecret, EgressRecord, EgressRule, OpenProxy } from '../../src/contracts/egress.ts';
import type { Covers } from '../../src/secrets/stages.ts';
import { compileEgress } from '../../src/policy/network/match.ts';
import { createSecretStages } from '../../src/secrets/stages.ts';
import { createTls } from '../../src/egress/tls/create-tls.ts';
import { makeAuthority, makeLeaf, makeLeafKey, type Validity } from '../../src/egress/tls/certificates.ts';
import { HOST, listen, LOOPBACK, openTestProxy } from './scene.ts';

export const OTHER = 'other.test';
const HOUR = 3_600_000;
export const IN_DATE: Validity = { from: Date.now() - HOUR, to: Date.now() + HOUR };
export const EXPIRED: Validity = { from: Date.now() - 2 * HOUR, to: Date.now() - HOUR };

export interface TlsScene {
  /** Of the proxy, and of the origin. */
  readonly proxy: number;
  readonly origin: number;
  /** PEM: who signed for the sandbox, and who for the origin. */
  readonly authority: string;
  readonly site: string;
  /** All that reached the origin behind TLS, as latin1. */
  readonly seen: () => string;
  readonly records: () => readonly EgressRecord[];
  /** Bytes in a tunnel to HOST, and all that comes back until nothing does. `:PORT` in them is the port of the origin. */
  ask(text: string | readonly string[], options?: ConnectionOptions & { readonly host?: string }): Promise<string>;
  /** The same to the origin itself. */
  askDirectly(text: string): Promise<string>;
}

export interface SceneWishes {
  /** What the origin does with each request; absent: it says `hello`. */
  readonly answer?: (socket: Socket, text: string) => void;
  readonly rules?: readonly Partial<EgressRule>[];
  readonly secrets?: readonly BoundSecret[];
  /** Whom the certificate of the origin names; absent: HOST. */
  readonly certified?: string;
  readonly validity?: Validity;
  /** False: nobody trusts who signed for the origin. */
  readonly isTrusted?: boolean;
}

const HELLO = 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello';

export async function openTlsScene(context: TestContext, wishes: SceneWishes = {}): Promise<TlsScene> {
  const { answer = (socket) => socket.write(HELLO), rules = [LOOPBACK], secrets = [], isTrusted = true } = wishes;
  const origin = await openTlsOrigin(context, answer, wishes);
  const site = isTrusted ? { authorities: origin.authority } : {};
  const tls = await createTls(site, { run: 'run-1' }, { clock: systemClock, handshakeMs: 2000 });
  const withPort = (text: string) => text.replaceAll(':PORT', `:${origin.port}`);
  const stages = createSecretStages(secrets, covers);
  const names = { [HOST]: ['127.0.0.1'], [OTHER]: ['127.0.0.1'] };
  const proxy = await openTestProxy({
    rules,
    tls,
    profile: { names },
    ports: secrets.length > 0 ? { secrets: stages } : {},
  });
  context.after(() => proxy.close());
  return {
    proxy: proxy.port,
    origin: origin.port,
    authority: tls.authority,
    site: origin.authority,
    seen: origin.seen,
    records: () => proxy.records(),
    ask: async (text, { host = HOST, ...options } = {}) => {
      const tunnel = await openTunnel(proxy.port, `${host}:${origin.port}`);
      return exchange(tunnel, [text].flat().map(withPort), { ca: tls.authority, servername: host, ...options });
    },
    askDirectly: async (text) => {
      const socket = connect(origin.port, '127.0.0.1');
      return exchange(socket, [withPort(text)], { servername: HOST, rejectUnauthorized: false });
    },
  };
}

/** The policy's own. */
export const covers: Covers = (match, request) => compileEgress(match, true)(request);

/** As the composition root opens one; every name is one that the profile gives an address. */
export const openWholeProxy: OpenProxy = proxies({ clock: systemClock, logger: silentLogger, lookup: async () => [] });

/** CONNECT, answered with 200; rejects with what was answered instead. */
export async function openTunnel(proxy: number, authority: string): Promise<Socket> {
  const socket = connect(proxy, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  const text = bytes.toString('latin1');
  if (text.startsWith('HTTP/1.1 200')) return socket;
  socket.destroy();
  throw new Error(text);
}

export async function openTlsOrigin(
  context: TestContext,
  answer: (socket: Socket, text: string) => void,
  { certified = HOST, validity = IN_DATE }: SceneWishes = {},
): Promise<{ readonly port: number; readonly authority: string; readonly seen: () => string }> {
  const [authority, key] = await Promise.all([makeAuthority('authority of the site', IN_DATE), makeLeafKey()]);
  const cert = await makeLeaf(certified, key, authority, validity);
  let seen = '';
  const sockets = new Set<Socket>();
  const server = createServer({ cert, key: key.key }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString('latin1');
      answer(socket, bytes.toString('latin1'));
    });
  });
  const port = await listen(server);
  context.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port, authority: authority.certificate.toString('pem'), seen: () => seen };
}

const LONGEST_MS = 15_000;

/** Each text is sent when those before it are answered; the end is an answer to each request, or that of the connection. */
function exchange(socket: Socket, texts: readonly string[], options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    let [got, sent, asked] = ['', 0, 0];
    const program = connectTls({ socket, ...options });
    const done = (error?: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      program.destroy();
      socket.destroy();
      resolve(error === undefined ? got : `${got}[${error.code ?? error.message}]`);
    };
    const timer = setTimeout(() => done(new Error('too slow')), LONGEST_MS);
    const next = () => {
      const text = texts[sent];
      if (text === undefined) return done();
      sent += 1;
      asked += text.split(/HTTP\/1\.1\r\n/).length - 1;
      program.write(Buffer.from(text, 'latin1'));
    };
    program.on('error', done);
    program.on('close', () => done());
    program.on('secureConnect', next);
    program.on('data', (bytes: Buffer) => {
      got += bytes.toString('latin1');
      if (wholeAnswers(got) >= asked) next();
    });
  });
}

/** How many answers have come to their end; one whose end is that of the connection counts as none. */
function wholeAnswers(text: string): number {
  let [count, at] = [0, 0];
  for (let head = HEAD.exec(text.slice(at)); head !== null; head = HEAD.exec(text.slice(at))) {
    const body = at + head[0].length;
    const length = bodyLength(text.slice(body), head);
    if (length === undefined || body + length > text.length) return count;
    at = body + length;
    if (Number(head[1]) >= 200) count += 1;
  }
  return count;
}

const HEAD = /^HTTP\/1\.[01] (\d{3})[^]*?\r\n\r\n/;

function bodyLength(rest: string, [head, status]: RegExpExecArray): number | undefined {
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (length !== undefined) return Number(length);
  if (Number(status) < 200 || status === '204') return 0;
  const end = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest);
  return /transfer-encoding: chunked/i.test(head) && end !== null ? end.index + end[0].length : undefined;
}
