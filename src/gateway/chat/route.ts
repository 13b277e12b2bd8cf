// Owns POST /v1/chat/completions: from a body to an answer, streamed or whole. Knows no engine.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Usage } from '../../contracts/model-events.ts';
import { parseInput } from '../parse.ts';
import type { GatewayPorts } from '../ports.ts';
import type { RouteContext } from '../route-context.ts';
import { createSink } from '../sink.ts';
import { completionOf, type Envelope } from './encode.ts';
import { type ChatBody, chatBodySchema, chatRequestOf } from './request.ts';
import { collectAnswer, STREAM_HEADERS, streamAnswer } from './stream.ts';

const SESSION_HEADERS: readonly string[] = ['x-session-affinity', 'x-session-id'];

export function chatRoutes(app: FastifyInstance, { ports, gate, closing }: RouteContext): void {
  app.post('/v1/chat/completions', { onRequest: gate.admit('client') }, async (request, reply) => {
    const body = parseInput(chatBodySchema, request.body);
    const sink = createSink(reply, STREAM_HEADERS, closing);
    const events = ports.stream(chatRequestOf(body, sessionOf(request)), sink.signal);
    const envelope = { id: ports.newId('chatcmpl'), created: Math.floor(ports.clock.now() / 1000), model: body.model };
    if (body.stream === true) return stream(events, { sink, envelope, body, reply, ports });
    const { answer, finish } = await collectAnswer(events, sink.signal, ports);
    count(answer.usage, ports);
    return completionOf(envelope, answer, finish);
  });
}

interface Streaming {
  readonly sink: ReturnType<typeof createSink>;
  readonly envelope: Envelope;
  readonly body: ChatBody;
  readonly reply: FastifyReply;
  readonly ports: GatewayPorts;
}

async function stream(
  events: ReturnType<GatewayPorts['stream']>,
  { sink, envelope, body, reply, ports }: Streaming,
): Promise<FastifyReply> {
  const includeUsage = body.stream_options?.include_usage === true;
  const answer = await streamAnswer(events, sink, envelope, { includeUsage, ports });
  count(answer.usage, ports);
  return reply;
}

function count(usage: Usage | undefined, { tally }: GatewayPorts): void {
  if (usage !== undefined) tally.tokens(usage);
}

function sessionOf({ headers }: FastifyRequest): string | undefined {
  const found = SESSION_HEADERS.map((name) => headers[name]).find((value) => typeof value === 'string' && value !== '');
  return typeof found === 'string' ? found : undefined;
}
