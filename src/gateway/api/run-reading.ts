// Owns the routes that read runs: list, one, its events, contents, diff and checks. Changes nothing.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { RunService } from '../../contracts/run-service.ts';
import type { RunRecord } from '../../contracts/runs.ts';
import { listFilter, visibleRun } from '../ownership.ts';
import { parseInput } from '../parse.ts';
import type { IdParams, RouteContext } from '../route-context.ts';
import { createContents } from './contents.ts';
import { streamRun } from './run-stream.ts';

const MOST_RUNS = 200;

const listSchema = z.object({
  limit: z.coerce.number().int().min(1).max(MOST_RUNS).default(20),
  before: z.string().max(64).optional(),
  mine: z.enum(['true', 'false']).default('false'),
});
const step = z.coerce.number().int().min(0);
/** Between the ends of two steps; with neither, the patch of the run. */
const diffSchema = z.object({ from: step.optional(), to: step.optional() });
const lastIdSchema = z.coerce.number().int().min(0);

export function runReadingRoutes(app: FastifyInstance, { ports, gate, closing }: RouteContext): void {
  const { runs } = ports;
  const onRequest = gate.admit('author', 'approver', 'auditor');
  const contents = createContents(ports.journal);

  app.get('/api/v1/runs', { onRequest }, async (request) => {
    const { limit, before, mine } = parseInput(listSchema, request.query);
    const principal = gate.principalOf(request);
    return {
      runs: await runs.list({
        ...listFilter(principal),
        limit,
        ...(before === undefined ? {} : { before }),
        ...(mine === 'true' ? { owner: principal.id } : {}),
      }),
    };
  });
  app.get<IdParams>('/api/v1/runs/:id', { onRequest }, (request): Promise<RunRecord> =>
    visibleRun(runs, gate.principalOf(request), request.params.id),
  );
  app.get<IdParams>('/api/v1/runs/:id/events', { onRequest, exposeHeadRoute: false }, async (request, reply) => {
    const run = await visibleRun(runs, gate.principalOf(request), request.params.id);
    const after = parseInput(lastIdSchema, request.headers['last-event-id'] ?? 0);
    return streamRun(reply, { run, after, ports, closing });
  });
  app.get<IdParams>('/api/v1/runs/:id/diff', { onRequest }, async (request, reply) => {
    const { id } = await visibleRun(runs, gate.principalOf(request), request.params.id);
    return reply.type('text/x-diff; charset=utf-8').send(await diffOf(id, parseInput(diffSchema, request.query), runs));
  });
  app.get<IdParams>('/api/v1/runs/:id/snapshots', { onRequest }, async (request) => {
    const { id } = await visibleRun(runs, gate.principalOf(request), request.params.id);
    return { snapshots: await runs.snapshots(id) };
  });
  app.get<IdParams>('/api/v1/runs/:id/checks', { onRequest }, async (request) => {
    const { id } = await visibleRun(runs, gate.principalOf(request), request.params.id);
    return { checks: await runs.checks(id) };
  });
  app.get<{ Params: { readonly id: string; readonly hash: string } }>(
    '/api/v1/runs/:id/contents/:hash',
    { onRequest },
    async (request, reply) => {
      const { id } = await visibleRun(runs, gate.principalOf(request), request.params.id);
      const text = await contents.read(id, request.params.hash);
      if (text === undefined) throw new CaissonError('not_found', `run ${id} has no such content`);
      return reply.type('text/plain; charset=utf-8').send(text);
    },
  );
}

async function diffOf(
  id: string,
  { from, to }: z.infer<typeof diffSchema>,
  runs: Pick<RunService, 'patch' | 'diffSteps'>,
): Promise<string> {
  if (from !== undefined || to !== undefined) return runs.diffSteps(id, { from: from ?? 0, to });
  const patch = await runs.patch(id);
  if (patch === undefined) throw new CaissonError('run_without_patch', `run ${id} has no patch`);
  return patch.text;
}
