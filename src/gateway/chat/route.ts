// Owns POST /v1/chat/completions: from a body to an answer, streamed or whole. Knows no engine.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseBody } from '../bodies.ts';
import { infer, sessionOf } from '../infer.ts';
import { parseInput } from '../parse.ts';
import { createGatherer } from '../passing/gather.ts';
import { passThrough } from '../passing/pass.ts';
import { withBytes } from '../passing/scope.ts';
import type { RouteContext } from '../route-context.ts';
import { createChoices } from './choices.ts';
import { chatEncoder, completionOf, type Envelope, type Form } from './encode.ts';
import { chatRequestOf, choicesOf } from './request.ts';
import { type ChatBody, chatBodySchema } from './schema.ts';
import { freeformNames, speaksFunctions } from './tools.ts';

export function chatRoutes(app: FastifyInstance, context: RouteContext): void {
  const { ports, gate } = context;
  const gatherer = createGatherer(() => ports.clock.monotonic());
  const keepAlive = (model: string) => chatEncoder(envelopeOf(model, ports), PLAIN).keepAlive();
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    if (await passThrough(bytes, { request, reply, context, gatherer, keepAlive })) return reply;
    const body = parseInput(chatBodySchema, parseBody(bytes.toString('utf8')));
    const [chat, ...others] = choicesOf(chatRequestOf(body, sessionOf(request)), body.n ?? 1);
    const choices = others.length === 0 ? undefined : createChoices(others.length + 1, ports);
    const form: Form = { ...formOf(body), ...(choices === undefined ? {} : { choices }) };
    const envelope = envelopeOf(body.model, ports);
    return infer(
      {
        request,
        reply,
        chat,
        streamed: body.stream === true,
        encoder: () => chatEncoder(envelope, form),
        whole: (answer) => completionOf(envelope, answer, form),
        fallbackModel: body.fallback_model,
        answeredBy: (model) => (envelope.model = model),
        ...(choices === undefined ? {} : { beside: { chats: others, merge: (streams) => choices.merge(streams) } }),
      },
      context,
    );
  };
  withBytes(app, (scope) => scope.post('/v1/chat/completions', { onRequest: gate.admit('client') }, answer));
}

const PLAIN: Form = { includeUsage: false, functions: false, showThinking: true, freeform: new Set() };

function envelopeOf(model: string, ports: RouteContext['ports']): Envelope {
  return { id: ports.newId('chatcmpl'), created: Math.floor(ports.clock.now() / 1000), model };
}

function formOf(body: ChatBody): Form {
  return {
    includeUsage: body.stream_options?.include_usage === true,
    functions: speaksFunctions(body),
    showThinking: body.reasoning?.exclude !== true,
    freeform: freeformNames(body),
  };
}
