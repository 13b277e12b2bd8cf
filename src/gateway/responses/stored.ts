// Owns the routes for responses that exist already: look, list what was asked, cancel, delete. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import type { StoredResponse } from '../../contracts/stored-responses.ts';
import { parseInput } from '../parse.ts';
import type { IdParams, RouteContext } from '../route-context.ts';
import { continued } from './history.ts';
import { json } from './making.ts';
import type { RunningResponses } from './running.ts';

const lookSchema = z.object({
  stream: z.literal('false', 'a response that exists already is given whole, not as a stream').optional(),
});
const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(['asc', 'desc']).default('desc'),
  after: z.string().optional(),
});

export function storedRoutes(app: FastifyInstance, { ports, gate }: RouteContext, running: RunningResponses): void {
  const onRequest = gate.admit('client');
  const stored = async (id: string, owner: string): Promise<StoredResponse> => {
    const found = await ports.responses?.get(id, owner);
    if (found === undefined) throw missing(id, ports.responses === undefined);
    return found;
  };
  app.get<IdParams>('/v1/responses/:id', { onRequest }, async (request, reply) => {
    const { id } = request.params;
    const owner = gate.principalOf(request).id;
    parseInput(lookSchema, request.query);
    const now = running.find(id, owner)?.inProgress();
    return now === undefined ? (await stored(id, owner)).response : json(reply, now);
  });
  app.post<IdParams>('/v1/responses/:id/cancel', { onRequest }, async (request, reply) => {
    const { id } = request.params;
    const owner = gate.principalOf(request).id;
    const cancelled = running.find(id, owner)?.cancel();
    if (cancelled !== undefined) return json(reply, cancelled);
    await stored(id, owner);
    throw new CaissonError('invalid_input', `the response ${id} has ended: there is nothing to cancel`);
  });
  app.delete<IdParams>('/v1/responses/:id', { onRequest }, async (request) => {
    const { id } = request.params;
    const gone = await ports.responses?.remove(id, gate.principalOf(request).id);
    if (gone !== true) throw missing(id, ports.responses === undefined);
    return { id, object: 'response', deleted: true };
  });
  app.get<IdParams>('/v1/responses/:id/input_items', { onRequest }, async (request) => {
    const { id } = request.params;
    const owner = gate.principalOf(request).id;
    await stored(id, owner);
    const list = parseInput(listSchema, request.query);
    return pageOf(inputOf(await continued(id, owner, ports.responses)), list);
  });
}

/** All that the model was shown: the conversation that was continued, then what was asked. */
function inputOf(chain: readonly StoredResponse[]): readonly JsonObject[] {
  return chain.flatMap(({ input, output }, index) => (index === chain.length - 1 ? input : [...input, ...output]));
}

function pageOf(items: readonly JsonObject[], { limit, order, after }: z.infer<typeof listSchema>): object {
  const ordered = order === 'asc' ? items : items.toReversed();
  const start = after === undefined ? 0 : ordered.findIndex((item) => item['id'] === after) + 1;
  if (after !== undefined && start === 0)
    throw new CaissonError('not_found', `after: there is no item ${after}`, { place: { field: 'after' } });
  const data = ordered.slice(start, start + limit);
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: start + limit < ordered.length,
  };
}

function missing(id: string, storesNone: boolean): CaissonError {
  const why = storesNone ? ': this service stores none' : '';
  return new CaissonError('not_found', `there is no response ${id}${why}`, {
    hint: 'Responses are found by the key that asked for them, for thirty days, unless store was false.',
  });
}
