// Owns POST /api/v1/bundles: the body is a git bundle as it is. Knows no git.
import type { FastifyInstance } from 'fastify';
import type { RouteContext } from '../route-context.ts';
import { receiveBundle, sweepUploads } from './uploads.ts';

export function bundleRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/octet-stream', async () => undefined);
    scope.post('/api/v1/bundles', { onRequest: gate.admit('author') }, async (request, reply) => {
      await sweepUploads(ports);
      return reply.code(201).send(await receiveBundle(request.raw, gate.principalOf(request), ports));
    });
  });
}
