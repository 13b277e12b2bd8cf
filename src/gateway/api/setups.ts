// Owns the routes of those who look after kept set-ups: which there are, one of them, away with it. Knows no file.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';

const emptySchema = z.strictObject({});

interface KeyParams {
  readonly Params: { readonly key: string };
}

/** They are of all teams. */
export function setupRoutes(app: FastifyInstance, { ports: { setups }, gate }: RouteContext): void {
  const looks = { onRequest: gate.admit('auditor') };
  app.get('/api/v1/setups', looks, async () => ({ setups: await setups.list() }));
  app.get<KeyParams>('/api/v1/setups/:key', looks, async ({ params }) => setups.get(params.key));
  app.post<KeyParams>('/api/v1/setups/:key/drop', { onRequest: gate.admit('admin') }, async ({ params, body }) => {
    parseInput(emptySchema, body);
    return setups.drop(params.key);
  });
}
