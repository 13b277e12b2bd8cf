// Owns the routes of those who look after the engines: how each one is, drain it, take it back, read their list anew. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import { probeSchema } from '../../contracts/probes.ts';
import { parseInput } from '../parse.ts';
import type { BackendsPort } from '../ports.ts';
import type { RouteContext } from '../route-context.ts';

const emptySchema = z.strictObject({});

interface NameParams {
  readonly Params: { readonly name: string };
}

export function backendRoutes(app: FastifyInstance, { ports: { backends }, gate }: RouteContext): void {
  const onRequest = gate.admit('admin');
  app.get('/api/v1/backends', { onRequest: gate.admit('auditor') }, async () => ({ backends: await shown(backends) }));
  for (const [verb, drained] of [
    ['drain', true],
    ['resume', false],
  ] as const)
    app.post<NameParams>(`/api/v1/backends/:name/${verb}`, { onRequest }, async ({ params, body }) => {
      parseInput(emptySchema, body);
      const state = backends.drain(params.name, drained);
      if (state !== undefined) return state;
      const hint = 'GET /api/v1/backends lists their names.';
      throw new CaissonError('not_found', `there is no backend ${JSON.stringify(params.name)}`, { hint });
    });
  app.get('/api/v1/probes', { onRequest: gate.admit('auditor') }, async () => ({ probes: await backends.probes() }));
  app.post('/api/v1/probes', { onRequest }, async ({ body }) => {
    await backends.keepProbe(parseInput(probeSchema(), body));
    return { ok: true };
  });
  app.post('/api/v1/backends/reload', { onRequest }, async ({ body }) => {
    parseInput(emptySchema, body);
    return { backends: await backends.reload() };
  });
}

const REPORT_MS = 2000;

/** Beside how each one fares here, what it says of itself. */
async function shown(backends: BackendsPort): Promise<readonly object[]> {
  const reports = await backends.reports?.(AbortSignal.timeout(REPORT_MS));
  return backends.states().map((state) => {
    const engine = reports?.get(state.name);
    return engine === undefined ? state : { ...state, engine };
  });
}
