// Owns one endpoint: its address, its key, what it refuses to take, and requests to it. Knows no event.
import type { IncomingMessage } from 'node:http';
import type { ChatRequest } from '../../contracts/messages.ts';
import type { EmbedRequest } from '../../contracts/ports.ts';
import { completionBody } from './completions.ts';
import { createConnection } from './connection.ts';
import { embedBody, optionalInEmbed } from './embeddings.ts';
import { refusalIn } from './failure.ts';
import { createHealth } from './health.ts';
import { type ModelList, readModels } from './models.ts';
import { saidOf } from './meaning.ts';
import { chatBody, OPTIONAL_FIELDS, optionalIn, wholeBody } from './request.ts';
import { sessionHeaders } from './session.ts';
import { readCount, tokenizeBody } from './tokens.ts';

/** Answers come when their headers are there. All reject as the connection does. Nothing that failed is sent again as it was. */
export interface Endpoint {
  /** For messages: without user, password and query. */
  readonly address: string;
  chat(request: ChatRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** The answer comes in one piece. */
  whole(request: ChatRequest, signal: AbortSignal): Promise<IncomingMessage>;
  complete(request: ChatRequest, signal: AbortSignal): Promise<IncomingMessage>;
  embed(request: EmbedRequest, signal: AbortSignal): Promise<IncomingMessage>;
  /** Beside its API, where vLLM has it: undefined if it is no count. */
  countTokens(request: ChatRequest, signal: AbortSignal): Promise<number | undefined>;
  models(signal: AbortSignal): Promise<ModelList>;
  /** What it says of itself; undefined: nothing. Never rejects. */
  healthy(signal: AbortSignal): Promise<boolean | undefined>;
}

export interface EndpointOptions {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  readonly connectMs: number;
  /** Certificates in PEM form; absent: those that Node knows. */
  readonly ca?: string;
  /** Name of the header with the conversation of a request; absent: the usual one. */
  readonly sessionHeader?: string;
}

export function createEndpoint({ name, url, sessionHeader, ...connection }: EndpointOptions): Endpoint {
  const ask = createConnection(connection);
  const base = url.replace(/\/+$/, '');
  const refused = new Set<string>();
  const post = (address: string, body: object, signal: AbortSignal, affinity?: string) =>
    ask({
      method: 'POST',
      url: new URL(address),
      body: JSON.stringify(body),
      signal,
      headers: sessionHeaders(affinity, sessionHeader),
    });
  const insist = async (way: Way, signal: AbortSignal): Promise<IncomingMessage> => {
    const without = new Set(refused);
    for (;;) {
      try {
        const response = await post(`${base}/${way.path}`, way.body(without), signal, way.affinity);
        for (const field of REMEMBERED) if (without.has(field)) refused.add(field);
        return response;
      } catch (error) {
        const field = refusedField(error, way, without);
        if (field === undefined) throw error;
        without.add(field);
      }
    }
  };
  return {
    address: addressOf(url),
    models: async (signal) => readModels(await ask({ method: 'GET', url: new URL(`${base}/models`), signal }), name),
    healthy: createHealth(base, (address, signal) => ask({ method: 'GET', url: address, signal })),
    chat: (request, signal) => insist(chatWay(request), signal),
    whole: (request, signal) => insist({ ...chatWay(request), ...wholeWay(request) }, signal),
    complete: (request, signal) => insist({ ...chatWay(request), ...completionWay(request) }, signal),
    embed: (request, signal) => insist(embedWay(request), signal),
    countTokens: async (request, signal) =>
      readCount(await post(`${base.replace(/\/v1$/, '')}/tokenize`, tokenizeBody(request, refused), signal)),
  };
}

/** One kind of request, and what of it can be left out. */
interface Way {
  readonly path: string;
  body(without: ReadonlySet<string>): object;
  optional(): readonly string[];
  readonly hasLimit: boolean;
  readonly affinity: string | undefined;
}

/** Those that the engine does not know, whoever asks. */
const REMEMBERED: readonly string[] = [...OPTIONAL_FIELDS, 'encoding_format'];

function chatWay(request: ChatRequest): Way {
  return {
    path: 'chat/completions',
    body: (without) => chatBody(request, without),
    optional: () => optionalIn(request),
    hasLimit: request.maxTokens !== undefined,
    affinity: request.affinity,
  };
}

function wholeWay(request: ChatRequest): Pick<Way, 'body'> {
  return { body: (without) => wholeBody(request, without) };
}

function completionWay(request: ChatRequest): Pick<Way, 'path' | 'body'> {
  return { path: 'completions', body: (without) => completionBody(request, without) };
}

function embedWay(request: EmbedRequest): Way {
  return {
    path: 'embeddings',
    body: (without) => embedBody(request, without),
    optional: () => optionalInEmbed(request),
    hasLimit: false,
    affinity: undefined,
  };
}

/**
 * A field that the endpoint names in refusing the request, and that can be left out. Where the limit on tokens does not fit beside the
 * prompt, leaving it out gives the answer all that is left, which is less than was asked for.
 */
function refusedField(error: unknown, way: Way, without: ReadonlySet<string>): string | undefined {
  const refusal = refusalIn(error);
  if (refusal === undefined || (refusal.status !== 400 && refusal.status !== 422)) return undefined;
  const { body } = refusal;
  if (way.hasLimit && !without.has('max_tokens') && isAboutLimit(body)) return 'max_tokens';
  return namedFirst(
    body,
    way.optional().filter((field) => !without.has(field)),
  );
}

function isAboutLimit(body: string): boolean {
  const { message, param } = saidOf(jsonOf(body));
  return param === 'max_tokens' || param === 'max_completion_tokens' || LIMIT_WORDS.test(message);
}

/** Older engines name no field. */
const LIMIT_WORDS = /\bmax_(?:completion_)?tokens\b|\bin the completion\b/;

/** A refusal begins with what it is about: what it names later may be how to mend it. */
function namedFirst(body: string, fields: readonly string[]): string | undefined {
  const named = fields.map((field) => ({ field, at: placeOf(body, field) })).filter(({ at }) => at >= 0);
  return named.toSorted((left, right) => left.at - right.at)[0]?.field;
}

/** As a word of its own, and no part of a flag; -1: it is not named. */
function placeOf(body: string, field: string): number {
  for (let at = body.indexOf(field); at >= 0; at = body.indexOf(field, at + 1))
    if (!isLetter(body[at - 1]) && !isLetter(body[at + field.length])) return at;
  return -1;
}

function isLetter(character = ''): boolean {
  return /[\w-]/.test(character);
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function addressOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
