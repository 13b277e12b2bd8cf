// Owns the routes of the brake: halt everything, and release it. Knows no run.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';

const haltSchema = z.strictObject({ note: z.string().max(4096).default('') });
const releaseSchema = z.strictObject({});

/** Whoever may approve may also stop; letting go again is for an admin. */
export function controlRoutes(app: FastifyInstance, { ports: { runs }, gate }: RouteContext): void {
  app.post('/api/v1/halt', { onRequest: gate.admit('approver') }, async (request) => {
    const { note } = parseInput(haltSchema, request.body);
    return runs.halt(gate.principalOf(request).name, note);
  });
  app.post('/api/v1/release', { onRequest: gate.admit('admin') }, async (request) => {
    parseInput(releaseSchema, request.body);
    await runs.release(gate.principalOf(request).name);
    return { ok: true };
  });
}
