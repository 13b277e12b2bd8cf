// Owns the routes of API keys: make, list, change, rotate, revoke, each in the journal. A key is in one answer and nowhere else.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { type MadeKey, REQUEST_CLASSES, ROLES } from '../../contracts/accounts.ts';
import { type EventBody, SERVICE_CHAIN } from '../../contracts/run-events.ts';
import { parseInput } from '../parse.ts';
import type { GatewayPorts } from '../ports.ts';
import type { IdParams, RouteContext } from '../route-context.ts';

const MOST_MODELS = 100;
const count = z.int().positive();
const models = z.array(z.string().min(1).max(256)).min(1).max(MOST_MODELS);
const seconds = z.number().positive();
const budget = z.enum(['hard', 'soft']);
const requestClass = z.enum(REQUEST_CLASSES);
const limitsSchema = z.strictObject({
  models: models.exactOptional(),
  requestsPerMinute: count.exactOptional(),
  tokensPerMinute: count.exactOptional(),
  streams: count.exactOptional(),
  dailyTokens: count.exactOptional(),
  dailyGpuSeconds: seconds.exactOptional(),
  budget: budget.exactOptional(),
  class: requestClass.exactOptional(),
});
/** Null takes a limit away. */
const newLimitsSchema = z.strictObject({
  models: models.nullable().exactOptional(),
  requestsPerMinute: count.nullable().exactOptional(),
  tokensPerMinute: count.nullable().exactOptional(),
  streams: count.nullable().exactOptional(),
  dailyTokens: count.nullable().exactOptional(),
  dailyGpuSeconds: seconds.nullable().exactOptional(),
  budget: budget.nullable().exactOptional(),
  class: requestClass.nullable().exactOptional(),
});
/** Milliseconds since 1970. */
const moment = z.int().positive();
const expiry = moment.exactOptional();
const createSchema = z.strictObject({
  name: z.string().min(1).max(80),
  team: z.string().min(1).max(80).default('default'),
  roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length),
  expiresAt: expiry,
  limits: limitsSchema.exactOptional(),
});
const OVERLAP_MS = 24 * 60 * 60 * 1000;
const rotateSchema = z.strictObject({
  overlapMs: z.int().min(0).max(LIMITS.keyOverlapMs).default(OVERLAP_MS),
  expiresAt: expiry,
});
const changeSchema = z
  .strictObject({ expiresAt: moment.nullable().exactOptional(), limits: newLimitsSchema.exactOptional() })
  .refine((value) => Object.keys(value).length > 0, 'expected expiresAt, or limits, or both');

export function keyRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const { accounts } = ports;
  const onRequest = gate.admit('admin');
  const by = (request: FastifyRequest) => gate.principalOf(request).name;
  app.post('/api/v1/keys', { onRequest }, async (request, reply) => {
    const wish = parseInput(createSchema, request.body);
    refusePast(wish.expiresAt, ports);
    const made = await accounts.create(wish);
    await recordMade(made, by(request), ports);
    return reply.code(201).send(made);
  });
  app.get('/api/v1/keys', { onRequest }, async () => ({ keys: await accounts.list() }));
  app.post<IdParams>('/api/v1/keys/:id/rotate', { onRequest }, async (request, reply) => {
    const rotation = parseInput(rotateSchema, request.body);
    refusePast(rotation.expiresAt, ports);
    const { id: of } = request.params;
    const made = (await accounts.rotate(of, rotation)) ?? missing(of);
    const { overlapMs } = rotation;
    await record({ type: 'key_rotated', key: made.record.id, of, overlapMs, by: by(request) }, ports);
    return reply.code(201).send(made);
  });
  app.patch<IdParams>('/api/v1/keys/:id', { onRequest }, async (request) => {
    const change = parseInput(changeSchema, request.body);
    refusePast(change.expiresAt ?? undefined, ports);
    const { id: key } = request.params;
    const { record: now, changes } = (await accounts.change(key, change)) ?? missing(key);
    if (changes.length > 0) await record({ type: 'key_changed', key, changes, by: by(request) }, ports);
    return now;
  });
  app.post<IdParams>('/api/v1/keys/:id/revoke', { onRequest }, async (request) => {
    const revoked = (await accounts.revoke(request.params.id)) ?? missing(request.params.id);
    await record({ type: 'key_revoked', key: revoked.id, by: by(request) }, ports);
    return revoked;
  });
}

function refusePast(expiresAt: number | undefined, { clock }: GatewayPorts): void {
  if (expiresAt === undefined || expiresAt > clock.now()) return;
  throw new CaissonError('invalid_input', 'the key would have expired already', { place: { field: 'expiresAt' } });
}

function missing(id: string): never {
  throw new CaissonError('not_found', `there is no key ${id}`);
}

function recordMade({ record: { id: key, name, roles } }: MadeKey, by: string, ports: GatewayPorts): Promise<void> {
  return record({ type: 'key_created', key, name, roles: [...roles], by }, ports);
}

async function record(body: EventBody, { journal }: GatewayPorts): Promise<void> {
  await journal.append([{ chain: SERVICE_CHAIN, body }]);
}
