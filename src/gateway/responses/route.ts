// Owns POST /v1/responses: from a body to an answer, streamed or whole. Knows no engine.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { infer, type Inference, sessionOf } from '../infer.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';
import { type History, historyOf } from './history.ts';
import { makeResponse } from './making.ts';
import { createRecentItems, type RecentItems } from './recent.ts';
import { chatOf, refuseTheImpossible, responsesBodySchema } from './request.ts';
import { createRunningResponses, type RunningResponses } from './running.ts';
import { storedRoutes } from './stored.ts';
import { toolboxOf } from './tools.ts';

interface Memory {
  readonly running: RunningResponses;
  readonly recent: RecentItems;
}

export function responseRoutes(app: FastifyInstance, context: RouteContext): void {
  const memory: Memory = { running: createRunningResponses(), recent: createRecentItems() };
  app.post('/v1/responses', { onRequest: context.gate.admit('client') }, (request, reply) =>
    answer(request, reply, context, memory),
  );
  storedRoutes(app, context, memory.running);
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  context: RouteContext,
  { running, recent }: Memory,
): Promise<unknown> {
  const { ports, gate } = context;
  const owner = gate.principalOf(request).id;
  const { body: raw } = request;
  const body = parseInput(responsesBodySchema, raw);
  refuseTheImpossible(body);
  const newId = (prefix: string) => ports.newId(prefix);
  const history = await historyOf(raw, body, owner, { store: ports.responses, recent, newId });
  const toolbox = toolboxOf([...(body.tools ?? []), ...toolsAmong(history)]);
  const chat = chatOf(body, history.items, toolbox, sessionOf(request));
  const made = makeResponse({ owner, raw, body, history, toolbox }, reply, ports);
  const inference: Inference = {
    request,
    reply,
    chat,
    streamed: body.stream === true,
    encoder: () => made.encoder,
    whole: () => made.whole(),
    fallbackModel: body.fallback_model,
    answeredBy: (model) => made.answeredBy(model),
  };
  running.add(made.id, made);
  try {
    return await infer(inference, { ...context, ports: { ...ports, stream: made.watched(ports.stream) } });
  } catch (error) {
    const farewell = made.farewell(error);
    if (farewell === undefined) throw error;
    return farewell;
  } finally {
    running.remove(made.id);
    if (body.store !== false && ports.responses === undefined) recent.remember(owner, made.encoder.items);
  }
}

/** Some clients declare tools in the middle of the conversation. */
function toolsAmong({ items }: History) {
  return items.flatMap(({ item }) => (item.type === 'additional_tools' ? item.tools : []));
}
