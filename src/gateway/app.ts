// Owns the making of the HTTP application: its limits, its hooks in order, its groups of routes. Neither executes nor decides.
import { fastify, type FastifyInstance } from 'fastify';
import { createGate } from './access.ts';
import { approvalRoutes } from './api/approvals.ts';
import { backendRoutes } from './api/backends.ts';
import { bundleRoutes } from './api/bundles.ts';
import { controlRoutes } from './api/control.ts';
import { journalRoutes } from './api/journal.ts';
import { keyRoutes } from './api/keys.ts';
import { runReadingRoutes } from './api/run-reading.ts';
import { runRoutes } from './api/runs.ts';
import { setupRoutes } from './api/setups.ts';
import { sandboxRoutes } from './api/sandbox.ts';
import { usageRoutes } from './api/usage.ts';
import { readBodiesSafely } from './bodies.ts';
import { chatRoutes } from './chat/route.ts';
import { modelRoutes } from './chat/models.ts';
import { completionRoutes } from './completions/route.ts';
import { embeddingRoutes } from './embeddings/route.ts';
import { guardEntrance } from './entrance.ts';
import { answerError, answerErrors, refuseBrokenHttp } from './errors.ts';
import { messageRoutes } from './messages/route.ts';
import { refuseOtherAddresses } from './methods.ts';
import { openapiRoutes } from './openapi/document.ts';
import { operationRoutes } from './operations.ts';
import { peopleRoutes } from './people/route.ts';
import type { GatewayPorts } from './ports.ts';
import { responseRoutes } from './responses/route.ts';
import { refuseWebSockets } from './responses/upgrade.ts';
import type { RouteContext } from './route-context.ts';
import { secureServer, type TlsMaterial } from './tls.ts';

const KEEP_ALIVE_MS = 75_000;
const SWEEP_CONNECTIONS_MS = 5000;
/** More are told apart by their bytes; Node would drop what comes behind its own limit. */
const ALL_HEADERS = 0;
/** Path parameters are ids, hashes and names of models. */
const MAX_PARAMETER_LENGTH = 512;

/** The application, not listening yet. Each listener has its own: `localOwner` belongs to one on a unix socket only. */
export function buildApp(ports: GatewayPorts, tls?: TlsMaterial): FastifyInstance {
  const http = {
    headersTimeout: ports.limits.headersMs,
    connectionsCheckingInterval: Math.min(SWEEP_CONNECTIONS_MS, ports.limits.headersMs),
  };
  const app = fastify({
    logger: false,
    genReqId: () => ports.newId('req'),
    requestIdHeader: false,
    bodyLimit: ports.limits.jsonBodyBytes,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    keepAliveTimeout: KEEP_ALIVE_MS,
    // A bundle may take long: bodies have deadlines of their own.
    requestTimeout: 0,
    // A bundle may take long over TLS as well.
    ...(tls === undefined ? { http } : { serverFactory: secureServer({ ...http, ...tls, requestTimeout: 0 }) }),
    clientErrorHandler: refuseBrokenHttp,
    frameworkErrors: answerError,
  });
  app.server.maxHeadersCount = ALL_HEADERS;
  const closing = new AbortController();
  app.addHook('preClose', async () => closing.abort());
  const gate = createGate(app, ports);
  guardEntrance(app, ports);
  refuseWebSockets(app);
  refuseOtherAddresses(app);
  readBodiesSafely(app, ports.limits);
  answerErrors(app, ports);
  const context: RouteContext = { ports, gate, closing: closing.signal };
  operationRoutes(app, context);
  modelRoutes(app, context);
  chatRoutes(app, context);
  completionRoutes(app, context);
  embeddingRoutes(app, context);
  responseRoutes(app, context);
  messageRoutes(app, context);
  runRoutes(app, context);
  runReadingRoutes(app, context);
  bundleRoutes(app, context);
  approvalRoutes(app, context);
  controlRoutes(app, context);
  keyRoutes(app, context);
  usageRoutes(app, context);
  backendRoutes(app, context);
  sandboxRoutes(app, context);
  setupRoutes(app, context);
  journalRoutes(app, context);
  peopleRoutes(app, context);
  openapiRoutes(app, context);
  return app;
}
