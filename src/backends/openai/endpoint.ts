// Owns one endpoint: its address, its key, what it refuses to take, and requests to it. Knows no event.
import type { IncomingMessage } from 'node:http';
import type { ChatRequest } from '../../contracts/messages.ts';
import { createConnection } from './connection.ts';
import { refusalIn } from './failure.ts';
import { type ModelList, readModels } from './models.ts';
import { saidOf } from './meaning.ts';
import { chatBody, OPTIONAL_FIELDS, optionalIn } from './request.ts';

export interface Endpoint {
  /** For messages: without user, password and query. */
  readonly address: string;
  /** The answer when its headers are there. Rejects as the connection does. Nothing that failed is sent again as it was. */
  chat(request: ChatRequest, signal: AbortSignal): Promise<IncomingMessage>;
  models(signal: AbortSignal): Promise<ModelList>;
}

export interface EndpointOptions {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  readonly connectMs: number;
}

export function createEndpoint({ name, url, key, connectMs }: EndpointOptions): Endpoint {
  const ask = createConnection({ key, connectMs });
  const base = url.replace(/\/+$/, '');
  const refused = new Set<string>();
  const send = (request: ChatRequest, without: ReadonlySet<string>, signal: AbortSignal) =>
    ask({
      method: 'POST',
      url: new URL(`${base}/chat/completions`),
      body: JSON.stringify(chatBody(request, without)),
      signal,
    });
  return {
    address: addressOf(url),
    models: async (signal) => readModels(await ask({ method: 'GET', url: new URL(`${base}/models`), signal }), name),
    chat: async (request, signal) => {
      const without = new Set(refused);
      for (;;) {
        try {
          const response = await send(request, without, signal);
          for (const field of OPTIONAL_FIELDS) if (without.has(field)) refused.add(field);
          return response;
        } catch (error) {
          const field = refusedField(error, request, without);
          if (field === undefined) throw error;
          without.add(field);
        }
      }
    },
  };
}

/**
 * A field that the endpoint names in refusing the request, and that can be left out. Where the limit on tokens does not fit beside the
 * prompt, leaving it out gives the answer all that is left, which is less than was asked for.
 */
function refusedField(error: unknown, request: ChatRequest, without: ReadonlySet<string>): string | undefined {
  const refusal = refusalIn(error);
  if (refusal === undefined || (refusal.status !== 400 && refusal.status !== 422)) return undefined;
  const { body } = refusal;
  if (request.maxTokens !== undefined && !without.has('max_tokens') && isAboutLimit(body)) return 'max_tokens';
  return optionalIn(request).find((field) => !without.has(field) && names(body, field));
}

function isAboutLimit(body: string): boolean {
  const { message, param } = saidOf(jsonOf(body));
  return param === 'max_tokens' || param === 'max_completion_tokens' || LIMIT_WORDS.test(message);
}

/** Older engines name no field. */
const LIMIT_WORDS = /\bmax_(?:completion_)?tokens\b|\bin the completion\b/;

/** As a word of its own. */
function names(body: string, field: string): boolean {
  for (let at = body.indexOf(field); at >= 0; at = body.indexOf(field, at + 1))
    if (!isLetter(body[at - 1]) && !isLetter(body[at + field.length])) return true;
  return false;
}

function isLetter(character = ''): boolean {
  return /\w/.test(character);
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
