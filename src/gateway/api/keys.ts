// Owns the routes of API keys: make, list, revoke, each in the journal. A key is in one answer and nowhere else.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import { ROLES } from '../../contracts/accounts.ts';
import { type EventBody, SERVICE_CHAIN } from '../../contracts/run-events.ts';
import { parseInput } from '../parse.ts';
import type { GatewayPorts } from '../ports.ts';
import type { IdParams, RouteContext } from '../route-context.ts';

const createSchema = z.strictObject({
  name: z.string().min(1).max(80),
  team: z.string().min(1).max(80).default('default'),
  roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length),
  /** Milliseconds since 1970. */
  expiresAt: z.int().positive().optional(),
});

export function keyRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const { accounts } = ports;
  const onRequest = gate.admit('admin');
  app.post('/api/v1/keys', { onRequest }, async (request, reply) => {
    const { expiresAt, ...wish } = parseInput(createSchema, request.body);
    if (expiresAt !== undefined && expiresAt <= ports.clock.now())
      throw new CaissonError('invalid_input', 'the key would have expired already', { place: { field: 'expiresAt' } });
    const made = await accounts.create({ ...wish, ...(expiresAt === undefined ? {} : { expiresAt }) });
    const { id: key, name, roles } = made.record;
    await record({ type: 'key_created', key, name, roles: [...roles], by: gate.principalOf(request).name }, ports);
    return reply.code(201).send(made);
  });
  app.get('/api/v1/keys', { onRequest }, async () => ({ keys: await accounts.list() }));
  app.post<IdParams>('/api/v1/keys/:id/revoke', { onRequest }, async (request) => {
    const revoked = await accounts.revoke(request.params.id);
    if (revoked === undefined) throw new CaissonError('not_found', `there is no key ${request.params.id}`);
    await record({ type: 'key_revoked', key: revoked.id, by: gate.principalOf(request).name }, ports);
    return revoked;
  });
}

async function record(body: EventBody, { journal }: GatewayPorts): Promise<void> {
  await journal.append([{ chain: SERVICE_CHAIN, body }]);
}
