// Owns POST /v1/completions: from texts to what a model goes on with, streamed or whole. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { CaissonError } from '../../base/errors.ts';
import { createChoices } from '../chat/choices.ts';
import { infer, sessionOf } from '../infer.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';
import { completionEncoder, completionOf } from './encode.ts';
import { completionBodySchema, completionsOf } from './request.ts';

export function completionRoutes(app: FastifyInstance, context: RouteContext): void {
  const { ports, gate } = context;
  app.post('/v1/completions', { onRequest: gate.admit('client') }, async (request, reply) => {
    const { complete } = ports;
    if (complete === undefined)
      throw new CaissonError('not_supported', 'this service has no completions of plain text');
    const body = parseInput(completionBodySchema, request.body);
    const [chat, ...chats] = completionsOf(body, sessionOf(request));
    const choices = createChoices(chats.length + 1, ports);
    const envelope = { id: ports.newId('cmpl'), created: Math.floor(ports.clock.now() / 1000), model: body.model };
    return infer(
      {
        request,
        reply,
        chat,
        streamed: body.stream === true,
        encoder: () => completionEncoder(envelope, choices, body.stream_options?.include_usage === true),
        whole: (answer) => completionOf(envelope, choices, answer),
        fallbackModel: body.fallback_model,
        answeredBy: (model) => (envelope.model = model),
        beside: { chats, merge: (streams) => choices.merge(streams) },
      },
      { ...context, ports: { ...ports, stream: complete } },
    );
  });
}
