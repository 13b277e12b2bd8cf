// The ways to ask for an answer that the tests of faults go through: one row per dialect. Knows no engine.
import type { Service } from '../service.ts';

export interface Dialect {
  readonly name: string;
  readonly path: string;
  readonly body: object;
  /** How a whole stream ends. */
  readonly end: RegExp;
  /** An error inside the stream that ends it. */
  readonly failure: RegExp;
  /** An event that fills silence. */
  readonly keepAlive: RegExp;
}

const messages = [{ role: 'user', content: 'hi' }];

export const DIALECTS: readonly Dialect[] = [
  {
    name: 'chat',
    path: '/v1/chat/completions',
    body: { model: 'm', messages, stream_options: { include_usage: true } },
    end: /data: \[DONE\]\n\n$/,
    failure: /data: \{"error":/,
    keepAlive: /"delta":\{\},"logprobs":null,"finish_reason":null/g,
  },
  {
    name: 'messages',
    path: '/v1/messages',
    body: { model: 'm', max_tokens: 100, messages },
    end: /event: message_stop\ndata: .*\n\n$/,
    failure: /event: error\n/,
    keepAlive: /event: ping\n/g,
  },
  {
    name: 'responses',
    path: '/v1/responses',
    body: { model: 'm', input: 'hi' },
    end: /event: response\.(?:completed|incomplete)\ndata: .*\n\n$/,
    failure: /event: (?:response\.failed|error)\n/,
    keepAlive: /event: (?:keepalive|response\.in_progress)\n/g,
  },
];

/** What a client of the dialect sends. */
export function askOf({ body }: Dialect, key: string, stream: boolean) {
  const { stream_options: _options, ...plain } = body as { readonly stream_options?: object };
  return { key, json: stream ? { ...body, stream: true } : plain };
}

/** The line of the log that tells how the request ended. */
export function endOf(service: Service, route: string): Readonly<Record<string, unknown>> | undefined {
  return service.logged.find(({ message, fields }) => message === 'request' && fields['route'] === route)?.fields;
}
