// Owns the routes for those who operate the service: alive, ready, metrics. Knows no run.
import type { FastifyInstance } from 'fastify';
import type { RouteContext } from './route-context.ts';

export function operationRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  app.get('/healthz', async () => ({ ok: true }));
  app.get('/readyz', async (_request, reply) => {
    const { ok, reasons } = await ports.ready();
    return reply.code(ok ? 200 : 503).send({ ok, reasons });
  });
  app.get('/metrics', { onRequest: gate.admit('auditor') }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await ports.metrics()),
  );
}
