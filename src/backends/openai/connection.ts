// Owns the way to an endpoint: connecting within a deadline, its own headers, refusals as errors. Knows no chat.
import type { Agent, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { nodeHttp, nodeHttps } from '../../base/http.ts';

export interface ConnectionOptions {
  readonly key: string;
  /** Milliseconds for name, connection and TLS together. */
  readonly connectMs: number;
  /** Certificates in PEM form; nobody else's signature counts then. */
  readonly ca?: string;
}

/** The endpoint answered, but not with a success. */
export class EndpointRefusal extends Error {
  override readonly name = 'EndpointRefusal';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** At most 64 kB of it. */
  readonly body: string;

  constructor(status: number, headers: IncomingHttpHeaders, body: string) {
    super(`status ${status}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  /** JSON text. */
  readonly body?: string;
  /** Beside its own. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Resolves with the answer when its headers are there; its body is not read yet. */
export type Ask = (asked: Asked) => Promise<IncomingMessage>;

const REFUSAL_BYTES = 64 * 1024;

/**
 * Follows no redirect, which would take the key along, and sends no header but its own and those it is given. Rejects with
 * `EndpointRefusal` for every status but 2xx, and with the error of the socket.
 */
export function createConnection(options: ConnectionOptions): Ask {
  const agents = new Map<string, Agent>();
  const agentOf = (protocol: string): Agent => {
    const agent = agents.get(protocol) ?? newAgent(protocol, options, { keepAlive: true });
    agents.set(protocol, agent);
    return agent;
  };
  return async (asked) => {
    const agent = agentOf(asked.url.protocol);
    const incoming = await send({ asked, options, agent });
    const status = incoming.statusCode ?? 0;
    if (status < 200 || status > 299)
      throw new EndpointRefusal(status, incoming.headers, await readHead(incoming, REFUSAL_BYTES));
    return incoming;
  };
}

/** The first bytes of a body as text; the rest is not read. */
export async function readHead(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of body) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= maxBytes) break;
  }
  return Buffer.concat(parts).toString('utf8', 0, maxBytes);
}

interface Outgoing {
  readonly asked: Asked;
  readonly options: ConnectionOptions;
  readonly agent: Agent;
}

/** A kept connection that the endpoint closed while the request was on its way is replaced once: nothing was answered on it. */
async function send(outgoing: Outgoing): Promise<IncomingMessage> {
  const first = await attempt(outgoing);
  if (first !== 'stale') return first;
  const second = await attempt({ ...outgoing, agent: newAgent(outgoing.asked.url.protocol, outgoing.options) });
  if (second === 'stale') throw new Error('the connection was closed by the endpoint');
  return second;
}

function attempt({ asked, options, agent }: Outgoing): Promise<IncomingMessage | 'stale'> {
  const { method, url, body, signal, headers: further } = asked;
  const { request } = clientOf(url.protocol);
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${options.key}`,
    'user-agent': 'caisson',
    ...further,
    ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent });
    // Without an error: a socket that has just gone back to its agent has nobody to tell.
    const abort = () => outgoing.destroy();
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    const deadline = setTimeout(() => {
      outgoing.destroy(new Error(`no connection within ${options.connectMs} ms`));
    }, options.connectMs);
    outgoing.once('socket', (socket) => {
      if (outgoing.reusedSocket) clearTimeout(deadline);
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(deadline));
    });
    outgoing.once('close', () => {
      clearTimeout(deadline);
      signal.removeEventListener('abort', abort);
    });
    outgoing.once('response', (incoming) => {
      // Whoever reads it is told by the read; nobody may be reading any more.
      incoming.on('error', () => {});
      resolve(incoming);
    });
    outgoing.on('error', (error) => {
      if (outgoing.reusedSocket && !signal.aborted && 'code' in error && error.code === 'ECONNRESET') resolve('stale');
      else reject(error);
    });
    outgoing.end(body);
  });
}

function newAgent(protocol: string, { ca }: ConnectionOptions, more: { readonly keepAlive?: true } = {}): Agent {
  return new (clientOf(protocol).Agent)({ ...more, ...(ca === undefined ? {} : { ca }) });
}

function clientOf(protocol: string) {
  return protocol === 'https:' ? nodeHttps() : nodeHttp();
}
