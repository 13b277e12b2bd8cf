// Owns POST /v1/chat/completions: from a body to an answer, streamed or whole. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { infer, sessionOf } from '../infer.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';
import { createChoices } from './choices.ts';
import { chatEncoder, completionOf, type Form } from './encode.ts';
import { chatRequestOf, choicesOf } from './request.ts';
import { type ChatBody, chatBodySchema } from './schema.ts';
import { speaksFunctions } from './tools.ts';

export function chatRoutes(app: FastifyInstance, context: RouteContext): void {
  const { ports, gate } = context;
  app.post('/v1/chat/completions', { onRequest: gate.admit('client') }, async (request, reply) => {
    const body = parseInput(chatBodySchema, request.body);
    const [chat, ...others] = choicesOf(chatRequestOf(body, sessionOf(request)), body.n ?? 1);
    const choices = others.length === 0 ? undefined : createChoices(others.length + 1, ports);
    const form: Form = { ...formOf(body), ...(choices === undefined ? {} : { choices }) };
    const envelope = { id: ports.newId('chatcmpl'), created: Math.floor(ports.clock.now() / 1000), model: body.model };
    return infer(
      {
        request,
        reply,
        chat,
        streamed: body.stream === true,
        encoder: () => chatEncoder(envelope, form),
        whole: (answer) => completionOf(envelope, answer, form),
        ...(choices === undefined ? {} : { beside: { chats: others, merge: (streams) => choices.merge(streams) } }),
      },
      context,
    );
  });
}

function formOf(body: ChatBody): Form {
  return {
    includeUsage: body.stream_options?.include_usage === true,
    functions: speaksFunctions(body),
    showThinking: body.reasoning?.exclude !== true,
  };
}
