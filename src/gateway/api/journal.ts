// Owns the route that reads any chain of the journal, for auditors. Verifies nothing.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseInput } from '../parse.ts';
import type { IdParams, RouteContext } from '../route-context.ts';

const MOST_EVENTS = 1000;

const pageSchema = z.object({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(MOST_EVENTS).default(100),
});

/** `:id` is `service` or the id of a run. */
export function journalRoutes(app: FastifyInstance, { ports: { journal }, gate }: RouteContext): void {
  app.get<IdParams>('/api/v1/journal/:id', { onRequest: gate.admit('auditor') }, async (request) => {
    const { after, limit } = parseInput(pageSchema, request.query);
    return { events: await journal.read(request.params.id, after, limit) };
  });
}
