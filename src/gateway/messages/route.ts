// Owns POST /v1/messages and the counting of its tokens: from a body to an answer, streamed or whole. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { anthropicBody } from '../errors.ts';
import { infer, sessionOf } from '../infer.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';
import { type Envelope, messageOf, messagesEncoder } from './encode.ts';
import { estimatePrompt } from './estimate.ts';
import { chatRequestOf, shownThinking } from './request.ts';
import { messagesBodySchema } from './schema.ts';

const COUNT_MS = 10_000;

export function messageRoutes(app: FastifyInstance, context: RouteContext): void {
  const { ports, gate } = context;
  const onRequest = gate.admit('client');
  app.post('/v1/messages', { onRequest }, async (request, reply) => {
    const body = parseInput(messagesBodySchema, request.body);
    const chat = chatRequestOf(body, sessionOf(request));
    const envelope: Envelope = {
      id: ports.newId('msg'),
      model: body.model,
      thinking: shownThinking(body),
      stopSequences: chat.stop ?? [],
      estimate: () => estimatePrompt(chat),
      errorBody: (event) => anthropicBody(event, request.id),
    };
    const whole = messageOf.bind(undefined, envelope);
    const streamed = body.stream === true;
    const encoder = () => messagesEncoder(envelope);
    const answeredBy = (model: string) => (envelope.model = model);
    const fallback = { fallbackModel: body.fallback_model, answeredBy };
    return infer({ request, reply, chat, streamed, encoder, whole, ...fallback }, context);
  });
  app.post('/v1/messages/count_tokens', { onRequest }, async (request) => {
    const chat = chatRequestOf(parseInput(messagesBodySchema, request.body), sessionOf(request));
    const counted = await ports.countTokens?.(chat, AbortSignal.timeout(COUNT_MS));
    return { input_tokens: counted ?? estimatePrompt(chat) };
  });
}
