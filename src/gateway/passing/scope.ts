// Owns the part of the application whose bodies come as bytes, for routes on which bytes may pass. Knows no dialect.
import type { FastifyInstance, FastifyRequest } from 'fastify';

/** Routes made in it get a `Buffer` as body; what is no JSON is told by whoever parses it. */
export function withBytes(app: FastifyInstance, routes: (scope: FastifyInstance) => void): void {
  app.register(async (scope) => {
    scope.removeContentTypeParser('application/json');
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_: FastifyRequest, bytes: Buffer, done) =>
      done(null, bytes),
    );
    routes(scope);
  });
}
