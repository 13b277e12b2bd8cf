// The world of an egress test: a proxy of ours on a real socket, origins that tell what reached them, a real name server.
import { createSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { EgressJudge, EgressProfile, EgressRecord, EgressRule } from '../../src/contracts/egress.ts';
import { type Lookup, systemLookup } from '../../src/egress/address/resolver.ts';
import { createProxy, type ProxyPorts } from '../../src/egress/proxy.ts';
import type { EgressTls } from '../../src/egress/tls-port.ts';
import { compileNetwork } from './stand-in-judge.ts';

export const HOST = 'site.test';

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

export interface TestOrigin extends Listening {
  /** All that reached it, as latin1. */
  seen(): string;
  connections(): number;
}

export interface TestProxy extends Listening {
  /** Since the last call. */
  records(): readonly EgressRecord[];
}

/** `rules` get an id, and HOST is known at 127.0.0.1; nothing but what is given may be reached. */
export interface Wanted {
  readonly rules?: readonly Partial<EgressRule>[];
  readonly profile?: Partial<EgressProfile>;
  readonly lookup?: Lookup;
  readonly tls?: EgressTls;
  readonly ports?: Partial<ProxyPorts>;
  readonly judge?: EgressJudge;
}

export const LOOPBACK: Partial<EgressRule> = { hosts: [HOST], addresses: ['127.0.0.1'] };
const NO_TLS: EgressTls = {
  authority: '',
  terminate: () => Promise.reject(new Error('no TLS is ended in this test')),
  secure: () => Promise.reject(new Error('no TLS is begun in this test')),
};

export function ruleOf(rule: Partial<EgressRule>, at = 0): EgressRule {
  return { id: `rule-${at + 1}`, verdict: 'allow', reason: 'It is needed.', advice: '', ...rule };
}

export function profileOf({ rules = [LOOPBACK], profile = {} }: Wanted): EgressProfile {
  return {
    rules: rules.map(ruleOf),
    grants: [],
    airGapped: false,
    siteRanges: [],
    floor: [],
    names: { [HOST]: ['127.0.0.1'] },
    secrets: [],
    ...profile,
  };
}

export async function openTestProxy(wanted: Wanted = {}): Promise<TestProxy> {
  const profile = profileOf(wanted);
  const judge = wanted.judge ?? compileNetwork(profile.rules, profile.grants);
  const proxy = createProxy(
    profile,
    judge,
    {
      clock: systemClock,
      logger: silentLogger,
      lookup: wanted.lookup ?? (() => Promise.resolve([])),
      tls: wanted.tls ?? NO_TLS,
      ownAddresses: () => [],
      ...wanted.ports,
    },
    { run: 'run-1', sandbox: 'sandbox-1' },
  );
  const server = createServer();
  const port = await listen(server);
  proxy.serve(server);
  return { port, records: () => proxy.take(), close: () => proxy.close() };
}

/** Tells every byte; answers with `answer` to each head that came to its end, then with what `answer` gives. */
export async function openOrigin(
  answer: string | ((socket: Socket, text: string) => void) = OK,
  address = '127.0.0.1',
  port = 0,
): Promise<TestOrigin> {
  let seen = '';
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes: Buffer) => {
      const text = bytes.toString('latin1');
      seen += text;
      if (typeof answer !== 'string') answer(socket, text);
      else
        for (let count = text.split(/HTTP\/1\.[01]\r\n/).length; count > 1; count -= 1) socket.write(answer, 'latin1');
    });
  });
  const bound = await listen(server, address, port);
  return {
    port: bound,
    seen: () => seen,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nloot';

/** Sends text as latin1 and gives all that came back until the end, or until nothing came for `quietMs`. */
export function talk(port: number, text: string | Buffer, quietMs = 150): Promise<string> {
  return converse(port, typeof text === 'string' ? Buffer.from(text, 'latin1') : text, undefined, quietMs);
}

/** CONNECT, and then the bytes. */
export function talkInTunnel(port: number, authority: string, bytes: Buffer, quietMs = 150): Promise<string> {
  const head = `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`;
  return converse(port, Buffer.from(head, 'latin1'), bytes, quietMs);
}

/** `inside`: sent once a tunnel is open. */
function converse(port: number, first: Buffer, inside: Buffer | undefined, quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    let got = '';
    const socket = connect(port, '127.0.0.1');
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(got);
    };
    let timer = setTimeout(done, 3000);
    socket.on('error', () => {});
    socket.on('close', done);
    socket.on('data', (more: Buffer) => {
      const isFirst = got === '';
      got += more.toString('latin1');
      if (inside !== undefined && isFirst && got.startsWith('HTTP/1.1 200')) socket.write(inside);
      clearTimeout(timer);
      timer = setTimeout(done, quietMs);
    });
    socket.write(first);
  });
}

export interface NameServer extends Listening {
  /** `A name` and `AAAA name`, in the order they were asked. */
  asked(): readonly string[];
  readonly lookup: Lookup;
}

/** A name server on UDP: `answers` gives the IPv4 addresses of a name, once more for each question. */
export async function openNameServer(answers: (name: string) => readonly string[], ttl = 0): Promise<NameServer> {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    const { name, type, end } = readQuestion(question);
    asked.push(`${type === 1 ? 'A' : type === 28 ? 'AAAA' : `type ${type}`} ${name}`);
    const found = type === 1 ? answers(name) : [];
    const records = found.map((address) => {
      const record = Buffer.alloc(16);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(1, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(ttl, 6);
      record.writeUInt16BE(4, 10);
      address.split('.').forEach((part, at) => record.writeUInt8(Number(part), 12 + at));
      return record;
    });
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(records.length, 6);
    head.writeUInt16BE(0, 10);
    socket.send(Buffer.concat([head, question.subarray(12, end), ...records]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  return {
    port,
    asked: () => asked,
    lookup: systemLookup([`127.0.0.1:${port}`]),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

export function listen(server: Server, address = '127.0.0.1', port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      const bound = server.address();
      resolve(typeof bound === 'object' && bound !== null ? bound.port : 0);
    });
  });
}

function readQuestion(message: Buffer): { readonly name: string; readonly type: number; readonly end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at + 1), end: at + 5 };
}
