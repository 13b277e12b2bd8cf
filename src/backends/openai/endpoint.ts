// Owns one endpoint: its address, its key, what it refuses to take, and requests to it. Knows no event.
import type { IncomingMessage } from 'node:http';
import type { ChatRequest } from '../../contracts/messages.ts';
import { createConnection } from './connection.ts';
import { refusalIn } from './failure.ts';
import { type ModelList, readModels } from './models.ts';
import { chatBody, holdsField, OPTIONAL_FIELDS, type OptionalField } from './request.ts';

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
  const refused = new Set<OptionalField>();
  const send = (request: ChatRequest, without: ReadonlySet<OptionalField>, signal: AbortSignal) =>
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
          for (const field of without) refused.add(field);
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

/** A field that the endpoint names in refusing the request, and that can be left out. */
function refusedField(
  error: unknown,
  request: ChatRequest,
  without: ReadonlySet<OptionalField>,
): OptionalField | undefined {
  const refusal = refusalIn(error);
  if (refusal === undefined || (refusal.status !== 400 && refusal.status !== 422)) return undefined;
  return OPTIONAL_FIELDS.find(
    (field) => !without.has(field) && holdsField(request, field) && new RegExp(`\\b${field}\\b`).test(refusal.body),
  );
}

function addressOf(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
