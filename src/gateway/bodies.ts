// Owns how bodies are read: JSON only, of bounded size and depth, within a deadline, and never before the request was let in.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';

const MAX_DEPTH = 64;
/** Of opening brackets, those in texts included: a megabyte of nothing but brackets would hold the service up for a second. */
const MOST_BRACKETS = 250_000;
const TOO_SLOW = 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
/** Addresses that take a conversation. */
const CONVERSATIONS: ReadonlySet<string> = new Set([
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/messages',
  '/v1/messages/count_tokens',
]);

type BodyLimits = Pick<Limits, 'jsonBodyBytes' | 'conversationBodyBytes' | 'bodyMs'>;

/** To be called before the first route is made. */
export function readBodiesSafely(app: FastifyInstance, limits: BodyLimits): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, text: string) =>
    parseBody(text),
  );
  app.addHook('onRoute', (route) => {
    if (CONVERSATIONS.has(route.url)) route.bodyLimit = limits.conversationBodyBytes;
  });
  // Without a listener, Node asks for the body before anyone has looked at the key.
  app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (isJson(request)) {
      refuseLarger(request, limits);
      if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue();
      hurry(request, reply, limits.bodyMs);
    }
    done(null, payload);
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (hasUnreadBody(request)) reply.header('connection', 'close');
    done(null, payload);
  });
}

/** True if the request has a body that was not read to its end: its connection cannot be used again. */
export function hasUnreadBody(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return (encoding !== undefined || (length !== undefined && length !== '0')) && !request.raw.complete;
}

function isJson({ headers }: FastifyRequest): boolean {
  return headers['content-type']?.toLowerCase().startsWith('application/json') === true;
}

/** Before the client is asked to go on. */
function refuseLarger({ headers, routeOptions }: FastifyRequest, limits: BodyLimits): void {
  const most = routeOptions.bodyLimit;
  if (Number(headers['content-length'] ?? 0) <= most) return;
  const name = most === limits.conversationBodyBytes ? 'limits.conversation_body_bytes' : 'limits.json_body_bytes';
  throw new CaissonError('too_large', `the body has more than ${most} bytes (${name})`);
}

function hurry({ raw }: FastifyRequest, reply: FastifyReply, ms: number): void {
  if (raw.complete) return;
  const timer = setTimeout(() => {
    const { socket } = raw;
    if (!reply.sent && socket.writable) socket.end(TOO_SLOW);
    socket.destroySoon();
  }, ms).unref();
  const stop = () => clearTimeout(timer);
  raw.once('end', stop).once('close', stop);
}

/** Throws `invalid_json`. An empty text has no value. */
export function parseBody(text: string): unknown {
  if (text === '') return undefined;
  if (countUpTo(MOST_BRACKETS, text, '[') + countUpTo(MOST_BRACKETS, text, '{') > MOST_BRACKETS)
    throw new CaissonError('invalid_json', `the body has more than ${MOST_BRACKETS} lists and objects`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CaissonError('invalid_json', 'the body is not valid JSON', { cause });
  }
  if (isDeep(value)) throw new CaissonError('invalid_json', `the body is nested deeper than ${MAX_DEPTH} levels`);
  return value;
}

function countUpTo(most: number, text: string, character: string): number {
  let count = 0;
  for (let at = text.indexOf(character); at !== -1 && count <= most; at = text.indexOf(character, at + 1)) count += 1;
  return count;
}

/** Costs one step per value, not per character; recursion would be the attack. */
function isDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; depth < MAX_DEPTH; depth += 1) {
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      for (const inner of Object.values(item)) if (typeof inner === 'object' && inner !== null) next.push(inner);
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
}
