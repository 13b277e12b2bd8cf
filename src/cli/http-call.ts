// Owns one HTTP call to a Caisson service and what its errors mean. Knows no path.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { nodeHttp, nodeHttps } from '../base/http.ts';
import { CaissonError, errorFrom, isErrorCode } from '../base/errors.ts';

const ANSWER_BYTES = 128 * 1024 * 1024;

/** Where the service listens. `key`: an API key, not needed on the socket of a single user. */
export type Place = { readonly socket: string } | { readonly url: string; readonly key?: string };

interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

interface Body {
  readonly stream: Readable;
  readonly bytes: number;
}

export interface Caller {
  json<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  send<Answer>(method: string, path: string, body: Body): Promise<Answer>;
  text(method: string, path: string): Promise<string>;
  /** The body of a good answer, to be read by the caller. */
  open(method: string, path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Readable>;
}

export function createCaller(place: Place): Caller {
  return {
    json: async <Answer>(method: string, path: string, body?: unknown) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers =
        text === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) };
      return JSON.parse(await readAll(await exchange(place, { method, path, headers }, text))) as Answer;
    },
    send: async <Answer>(method: string, path: string, body: Body) => {
      const headers = { 'content-type': 'application/octet-stream', 'content-length': String(body.bytes) };
      return JSON.parse(await readAll(await exchange(place, { method, path, headers }, body.stream))) as Answer;
    },
    text: async (method, path) => readAll(await exchange(place, { method, path }, undefined)),
    open: (method, path, headers, signal) => exchange(place, { method, path, headers, signal }, undefined),
  };
}

/** True if a service answers there within the time. */
export async function answers(place: Place, milliseconds: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(milliseconds);
    (await exchange(place, { method: 'GET', path: '/healthz', signal }, undefined)).resume();
    return true;
  } catch {
    return false;
  }
}

async function exchange(
  place: Place,
  options: Exchange,
  body: string | Readable | undefined,
): Promise<IncomingMessage> {
  const answer = await sendRequest(place, options, body);
  const status = answer.statusCode ?? 0;
  if (status >= 200 && status < 300) return answer;
  throw errorOf(status, await readAll(answer));
}

function sendRequest(place: Place, options: Exchange, body: string | Readable | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        new CaissonError('service_unreachable', `no Caisson answers at ${nameOf(place)}: ${cause.message}`, { cause }),
      );
    const request = open(place, options).on('response', resolve).on('error', fail);
    if (body === undefined || typeof body === 'string') request.end(body);
    else pipeline(body, request).catch(fail);
  });
}

function open(place: Place, options: Exchange) {
  if ('socket' in place)
    return nodeHttp().request({
      ...options,
      socketPath: place.socket,
      headers: { host: 'localhost', ...options.headers },
    });
  const base = new URL(place.url);
  const authorization = place.key === undefined ? {} : { authorization: `Bearer ${place.key}` };
  const { request: send } = base.protocol === 'https:' ? nodeHttps() : nodeHttp();
  return send(new URL(options.path, base), { ...options, headers: { ...authorization, ...options.headers } });
}

async function readAll(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer) {
      bytes += (chunk as Buffer).length;
      if (bytes > ANSWER_BYTES) throw new CaissonError('too_large', `the answer has more than ${ANSWER_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError('service_unreachable', `the connection was lost: ${(cause as Error).message}`, { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function errorOf(status: number, text: string): CaissonError {
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; hint?: string } };
    if (isErrorCode(error.code)) return errorFrom({ code: error.code, message: error.message, hint: error.hint ?? '' });
  } catch {
    // Not an answer of ours: the status is all there is.
  }
  return new CaissonError('service_unreachable', `the service answered with status ${status}: ${text.slice(0, 200)}`);
}

function nameOf(place: Place): string {
  return 'socket' in place ? place.socket : place.url;
}
