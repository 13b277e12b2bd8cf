// An engine for the tests of this room: a real HTTP server whose answers are raw bytes, and what it was asked.
import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { CaissonError } from '../../../src/base/errors.ts';
import { type Limits, narrowLimits } from '../../../src/base/limits.ts';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../../../src/contracts/model-events.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { createOpenAIBackend } from '../../../src/backends/openai/backend.ts';

const KEY = 'sk-very-secret-0123456789';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: unknown;
}

export interface Engine {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** Connections that are open now. */
  sockets(): number;
}

export type Answer = (response: ServerResponse, asked: Asked, count: number) => void | Promise<void>;

export async function startEngine(context: TestContext, answer: Answer): Promise<Engine> {
  const asked: Asked[] = [];
  const open = new Set<Socket>();
  const server = http.createServer((request, response) => {
    response.on('error', () => {});
    void readText(request).then(async (text) => {
      const body: unknown = text === '' ? undefined : JSON.parse(text);
      const one = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body };
      asked.push(one);
      await answer(response, one, asked.length);
    });
  });
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, asked, sockets: () => open.size };
}

export function backendOf(
  url: string,
  more: { readonly limits?: Partial<Limits>; readonly models?: readonly string[] } = {},
): Backend {
  const limits = narrowLimits({ modelSilenceMs: 20_000, ...more.limits });
  const models = more.models === undefined ? {} : { models: more.models };
  return createOpenAIBackend({ name: 'engine', url, key: KEY, limits, clock: systemClock, ...models });
}

export const REQUEST: ChatRequest = { model: 'm', messages: [{ role: 'user', content: 'go' }] };
export const NEVER: AbortSignal = new AbortController().signal;

export async function eventsOf(backend: Backend, request = REQUEST, signal = NEVER): Promise<readonly ModelEvent[]> {
  return Array.fromAsync(backend.stream(request, signal));
}

/** The events with texts joined, and each call as what was put together of it. */
export function gathered(events: readonly ModelEvent[]) {
  const calls = new Map<number, { id: string; name: string; arguments: string; complete: boolean }>();
  const all = { reasoning: '', text: '', calls: [] as unknown[], rest: [] as ModelEvent[] };
  for (const event of events) {
    if (event.type === 'text' || event.type === 'reasoning') all[event.type] += event.text;
    else if (event.type === 'tool_call') {
      const call = calls.get(event.index) ?? { id: '', name: '', arguments: '', complete: false };
      call.id ||= event.id ?? '';
      call.name ||= event.name ?? '';
      call.arguments += event.arguments ?? '';
      call.complete ||= event.complete;
      calls.set(event.index, call);
    } else all.rest.push(event);
  }
  all.calls = [...calls.values()];
  return all;
}

/** The only event there is, which is an error. */
export function errorOf(events: readonly ModelEvent[]): ModelErrorEvent {
  const [first, ...others] = events;
  if (first?.type !== 'error' || others.length > 0) throw new Error(`no single error: ${JSON.stringify(events)}`);
  return first;
}

/** The coded error that it rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<CaissonError> {
  const error: unknown = await promise.then(
    (value) => new Error(`it resolved: ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  );
  if (!(error instanceof CaissonError)) throw error;
  return error;
}

/** One `data:` event for each value; text is written as it is. */
export function sse(...values: readonly unknown[]): string {
  return values.map((value) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`).join('');
}

export function delta(given: Readonly<Record<string, unknown>>, finish: string | null = null) {
  return { object: 'chat.completion.chunk', choices: [{ index: 0, delta: given, finish_reason: finish }] };
}

export function streams(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
}

/** Answers each request with these bytes, sent as one. */
export function says(text: string): Answer {
  return (response) => {
    streams(response);
    response.end(text);
  };
}

async function readText(request: IncomingMessage): Promise<string> {
  const parts = await Array.fromAsync(request);
  return Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))).toString();
}
