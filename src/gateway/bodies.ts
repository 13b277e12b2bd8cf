// Owns how bodies are read: JSON only, of bounded depth, within a deadline, and never before the request was let in. Knows no route.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CaissonError } from '../base/errors.ts';

const BODY_MS = 60_000;
const MAX_DEPTH = 64;
/** Of opening brackets, those in texts included: a megabyte of nothing but brackets would hold the service up for a second. */
const MOST_BRACKETS = 250_000;

export function readBodiesSafely(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, text: string) =>
    parseBody(text),
  );
  // Without a listener, Node asks for the body before anyone has looked at the key.
  app.server.on('checkContinue', (request, response) => app.server.emit('request', request, response));
  app.addHook('preParsing', async (request, reply, payload) => {
    if (request.headers.expect?.toLowerCase() === '100-continue') reply.raw.writeContinue();
    if (request.headers['content-type']?.startsWith('application/json') === true) hurry(request);
    return payload;
  });
}

/** True if the request has a body that was not read to its end: its connection cannot be used again. */
export function hasUnreadBody(request: FastifyRequest): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return (encoding !== undefined || (length !== undefined && length !== '0')) && !request.raw.complete;
}

function hurry(request: FastifyRequest): void {
  const { raw } = request;
  const timer = setTimeout(() => raw.destroy(), BODY_MS).unref();
  const stop = () => clearTimeout(timer);
  raw.once('end', stop).once('close', stop);
}

function parseBody(text: string): unknown {
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
