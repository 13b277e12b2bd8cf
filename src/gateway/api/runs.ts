// Owns the routes that change runs: create, cancel, message, rewind, hold, apply. Knows no agent.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { runRequestSchema } from '../../contracts/runs.ts';
import { ownRun } from '../ownership.ts';
import { parseInput } from '../parse.ts';
import type { IdParams, RouteContext } from '../route-context.ts';
import { withUpload } from './uploads.ts';

const ref = z
  .string()
  .regex(/^refs\/heads\/[^\s~^:?*[\\]+$/, 'expected the full name of a branch, as refs/heads/NAME')
  .max(1024);
const wishSchema = z.strictObject({ ref, remote: z.string().min(1).max(256) });
const holdSchema = z.strictObject({ held: z.boolean() });
const appliedSchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), ref, commit: z.string().max(128), base: z.string().max(128) }),
  z.strictObject({ ok: z.literal(false), ref, code: z.string().max(64), message: z.string().max(4096) }),
]);

export function runRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const { runs, uploadsDir, limits } = ports;
  const onRequest = gate.admit('author');
  const words = z.string().min(1).refine(fits(limits.taskBytes), `expected at most ${limits.taskBytes} bytes`);
  const createSchema = runRequestSchema().extend({
    task: words,
    model: z.string().max(256),
    bundle: z.string(),
  });
  const messageSchema = z.strictObject({ text: words });
  const rewindSchema = z.strictObject({ step: z.int().min(1), message: words.optional() });

  app.post('/api/v1/runs', { onRequest }, async (request, reply) => {
    const { bundle, ...wish } = parseInput(createSchema, request.body);
    const owner = gate.principalOf(request);
    const record = await withUpload(bundle, owner, uploadsDir, (path) => runs.create(wish, path, owner));
    return reply.code(201).send(record);
  });
  app.post<IdParams>('/api/v1/runs/:id/cancel', { onRequest }, async (request) => {
    const principal = gate.principalOf(request);
    const { id } = await ownRun(runs, principal, request.params.id);
    return runs.cancel(id, principal.name);
  });
  app.post<IdParams>('/api/v1/runs/:id/message', { onRequest }, async (request, reply) => {
    const { text } = parseInput(messageSchema, request.body);
    const principal = gate.principalOf(request);
    const { id } = await ownRun(runs, principal, request.params.id);
    await runs.message(id, text, principal.name);
    return reply.code(202).send({ ok: true });
  });
  app.post<IdParams>('/api/v1/runs/:id/rewind', { onRequest }, async (request, reply) => {
    const { step, message } = parseInput(rewindSchema, request.body);
    const principal = gate.principalOf(request);
    const { id } = await ownRun(runs, principal, request.params.id);
    const wish = message === undefined ? { step } : { step, message };
    return reply.code(201).send(await runs.rewind(id, wish, principal));
  });
  app.post<IdParams>('/api/v1/runs/:id/hold', { onRequest }, async (request) => {
    const { held } = parseInput(holdSchema, request.body);
    const principal = gate.principalOf(request);
    const { id } = await ownRun(runs, principal, request.params.id);
    await runs.hold(id, held, principal.name);
    return { ok: true };
  });
  app.post<IdParams>('/api/v1/runs/:id/apply', { onRequest }, async (request) => {
    const wish = parseInput(wishSchema, request.body);
    const principal = gate.principalOf(request);
    const { id } = await ownRun(runs, principal, request.params.id);
    return runs.apply(id, wish, principal);
  });
  app.post<IdParams>('/api/v1/runs/:id/applied', { onRequest }, async (request) => {
    const result = parseInput(appliedSchema, request.body);
    const { id } = await ownRun(runs, gate.principalOf(request), request.params.id);
    await runs.applied(id, result);
    return { ok: true };
  });
}

function fits(bytes: number): (text: string) => boolean {
  return (text) => Buffer.byteLength(text) <= bytes;
}
