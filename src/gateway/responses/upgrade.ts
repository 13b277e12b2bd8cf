// Owns the answer to those who want a WebSocket: there is none here. Knows no route.
import type { FastifyInstance } from 'fastify';

/** With this status clients of the dialect fall back to plain HTTP at once; other upgrades may be ignored, as HTTP allows. */
const UPGRADE_REQUIRED = 426;
const MESSAGE = 'there are no WebSockets here: send the request as plain HTTP and stream the answer';

export function refuseWebSockets(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') return done();
    const error = { message: MESSAGE, type: 'invalid_request_error', param: null, code: 'upgrade_refused' };
    reply.code(UPGRADE_REQUIRED).headers({ upgrade: 'HTTP/1.1', connection: 'close' }).send({ error });
  });
}
