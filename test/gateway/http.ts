// HTTP as it is on the wire: every header, early answers, connections that break.
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { connect } from 'node:net';
import type { Service } from './service.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Call extends RequestOptions {
  readonly key?: string;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string | Buffer;
}

/** Sends one request and reads the whole answer. */
export async function call(service: Service, method: string, path: string, options: Call = {}): Promise<Answer> {
  const answer = await open(service, method, path, options);
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await readText(answer) };
}

export interface JsonAnswer<Value> extends Answer {
  readonly body: Value;
}

/** The same with the answer as JSON. */
export async function callJson<Value>(
  service: Service,
  method: string,
  path: string,
  options: Call = {},
): Promise<JsonAnswer<Value>> {
  const answer = await call(service, method, path, options);
  return { ...answer, body: JSON.parse(answer.text) as Value };
}

/** Sends one request; resolves with the headers of the answer. */
export function open(service: Service, method: string, path: string, options: Call = {}): Promise<IncomingMessage> {
  const { key, json, body, headers, ...rest } = options;
  const payload = json === undefined ? body : JSON.stringify(json);
  const place = service.socket !== '' && service.port === 0 ? { socketPath: service.socket } : { port: service.port };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        host: '127.0.0.1',
        ...place,
        method,
        path,
        agent: false,
        ...rest,
        headers: {
          ...(place.port === undefined ? { host: 'localhost' } : {}),
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...(payload === undefined ? {} : { 'content-length': Buffer.byteLength(payload) }),
          ...(headers as Record<string, string> | undefined),
        },
      },
      resolve,
    );
    request.on('error', reject);
    request.end(payload);
  });
}

export async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Writes these bytes to the service and reads until it closes the connection. */
export function exchangeBytes(service: Service, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(service.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (data) => {
      text += String(data);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}
