// Owns POST /v1/chat/completions: from a body to an answer, streamed or whole. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { infer, type Inference, sessionOf } from '../infer.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';
import { chatEncoder, completionOf } from './encode.ts';
import { chatBodySchema, chatRequestOf } from './request.ts';

export function chatRoutes(app: FastifyInstance, context: RouteContext): void {
  const { ports, gate } = context;
  app.post('/v1/chat/completions', { onRequest: gate.admit('client') }, async (request, reply) => {
    const body = parseInput(chatBodySchema, request.body);
    const envelope = { id: ports.newId('chatcmpl'), created: Math.floor(ports.clock.now() / 1000), model: body.model };
    const inference: Inference = {
      request,
      reply,
      chat: chatRequestOf(body, sessionOf(request)),
      streamed: body.stream === true,
      encoder: () => chatEncoder(envelope, body.stream_options?.include_usage === true),
      whole: (answer, finish) => completionOf(envelope, answer, finish),
    };
    return infer(inference, context);
  });
}
