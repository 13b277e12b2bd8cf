// Owns a real HTTP endpoint for tests, that answers as it is told, and a backend that asks it.
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createSocketServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { createOpenAIBackend, type OpenAIOptions } from '../../../../src/backends/openai/backend.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { LIMITS, type Limits } from '../../../../src/base/limits.ts';
import type { Backend } from '../../../../src/contracts/ports.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; undefined without a body. */
  readonly body: unknown;
  readonly socket: Socket;
}

export interface ScriptedEndpoint {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** TCP connections so far. */
  connections(): number;
}

export const EVENT_STREAM = { 'content-type': 'text/event-stream; charset=utf-8' };

/** Closed with its connections when the test ends. */
export async function startEndpoint(
  t: TestContext,
  answer: (response: ServerResponse, asked: Asked, count: number) => void | Promise<void>,
): Promise<ScriptedEndpoint> {
  const asked: Asked[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      const { method = '', url: path = '', headers, socket } = request;
      const one: Asked = { method, path, headers, socket, body: text === '' ? undefined : JSON.parse(text) };
      asked.push(one);
      void answer(response, one, asked.length);
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  const url = await listen(server);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `${url}/v1`, asked, connections: () => connections };
}

/** Speaks TCP only. */
export async function startSocket(t: TestContext, onSocket: (socket: Socket) => void): Promise<string> {
  const sockets: Socket[] = [];
  const server = createSocketServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    onSocket(socket);
  });
  const url = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `${url}/v1`;
}

/** An address where nothing listens. */
export async function closedAddress(): Promise<string> {
  const server = createSocketServer();
  const url = await listen(server);
  server.close();
  await once(server, 'close');
  return `${url}/v1`;
}

export function backendAt(
  url: string,
  { limits = {}, ...more }: Partial<Omit<OpenAIOptions, 'limits'>> & { readonly limits?: Partial<Limits> } = {},
): Backend {
  return createOpenAIBackend({ name: 'engine', url, clock: systemClock, limits: { ...LIMITS, ...limits }, ...more });
}

export function sendStream(response: ServerResponse, ...pieces: readonly (string | Uint8Array)[]): void {
  response.writeHead(200, EVENT_STREAM);
  for (const piece of pieces.slice(0, -1)) response.write(piece);
  response.end(pieces.at(-1));
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return `http://127.0.0.1:${port}`;
}
