// Owns the way to an endpoint: connecting within a deadline, its own headers, refusals as errors. Knows no chat.
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';

export interface ConnectionOptions {
  readonly key: string;
  /** Milliseconds for name, connection and TLS together. */
  readonly connectMs: number;
}

/** The endpoint answered, but not with a success. */
export class EndpointRefusal extends Error {
  override readonly name = 'EndpointRefusal';
  readonly status: number;
  readonly headers: Headers;
  /** At most 64 kB of it. */
  readonly body: string;

  constructor(status: number, headers: Headers, body: string) {
    super(`status ${status}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }
}

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

const REFUSAL_BYTES = 64 * 1024;
const KEPT_HEADERS = ['accept', 'content-type'];

/**
 * A `fetch` for the client library: the one of Node has no deadline for connecting, follows redirects with the key, and reads a
 * refusal without end. Headers that the library takes from the environment are left out. Rejects with `EndpointRefusal` for
 * every status but 2xx, and with the error of the socket.
 */
export function createConnection(options: ConnectionOptions): Fetch {
  const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) };
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const isSecure = url.protocol === 'https:';
    const outgoing: Outgoing = { url, init, options, agent: agents[isSecure ? 'https:' : 'http:'] };
    const incoming = await send(outgoing);
    const status = incoming.statusCode ?? 0;
    const headers = headersOf(incoming);
    if (status < 200 || status > 299)
      throw new EndpointRefusal(status, headers, await readHead(incoming, REFUSAL_BYTES));
    return new Response(status === 204 || status === 205 ? null : bodyOf(incoming), { status, headers });
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
  readonly url: URL;
  readonly init: RequestInit;
  readonly options: ConnectionOptions;
  readonly agent: http.Agent;
}

/** A kept connection that the endpoint closed while the request was on its way is replaced once: nothing was answered on it. */
async function send(outgoing: Outgoing): Promise<IncomingMessage> {
  const first = await attempt(outgoing);
  if (first !== 'stale') return first;
  const second = await attempt({ ...outgoing, agent: freshAgent(outgoing.url) });
  if (second === 'stale') throw new Error('the connection was closed by the endpoint');
  return second;
}

function attempt({ url, init, options, agent }: Outgoing): Promise<IncomingMessage | 'stale'> {
  const { request } = url.protocol === 'https:' ? https : http;
  const given = new Headers(init.headers);
  const kept = KEPT_HEADERS.flatMap((name) => {
    const value = given.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  const headers = { ...Object.fromEntries(kept), authorization: `Bearer ${options.key}`, 'user-agent': 'caisson' };
  const { method = 'GET', signal, body } = init;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { method, headers, agent, ...(signal ? { signal } : {}) });
    const deadline = setTimeout(() => {
      outgoing.destroy(new Error(`no connection within ${options.connectMs} ms`));
    }, options.connectMs);
    outgoing.once('socket', (socket) => {
      if (outgoing.reusedSocket) clearTimeout(deadline);
      else socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => clearTimeout(deadline));
    });
    outgoing.once('close', () => clearTimeout(deadline));
    outgoing.once('response', resolve);
    outgoing.on('error', (error) => {
      if (outgoing.reusedSocket && 'code' in error && error.code === 'ECONNRESET') resolve('stale');
      else reject(error);
    });
    outgoing.end(typeof body === 'string' ? body : undefined);
  });
}

function freshAgent({ protocol }: URL): http.Agent {
  return protocol === 'https:' ? new https.Agent() : new http.Agent();
}

function headersOf({ rawHeaders }: IncomingMessage): Headers {
  const headers = new Headers();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.append(rawHeaders[at] ?? '', (rawHeaders[at + 1] ?? '').replaceAll(/[^\x20-\x7e]/g, ''));
  return headers;
}

function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  return Readable.toWeb(incoming);
}
