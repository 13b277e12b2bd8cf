// Owns what every request must pass before anything is asked of it: its host, its origin, no key in its address. Knows no route.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { CaissonError } from '../base/errors.ts';
import type { GatewayPorts } from './ports.ts';

const KEY_PARAMETERS: readonly string[] = ['key', 'api_key', 'apikey', 'api-key', 'token', 'access_token'];

export function guardEntrance(app: FastifyInstance, ports: GatewayPorts): void {
  const hosts = new Set(ports.allowedHosts.map((host) => host.toLowerCase()));
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      // Clients of Anthropic's dialect read this one.
      'request-id': request.id,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
    });
    checkHost(request, hosts);
    checkOrigin(request);
    checkQuery(request);
  });
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    const status = reply.statusCode;
    const ms = reply.elapsedTime;
    ports.tally.request({ method, route, status, ms });
    ports.logger.info('request', { request: request.id, method, route, status, ms: Math.round(ms) });
  });
}

/** A page that points its own name at this machine is told apart by the name it calls. */
function checkHost(request: FastifyRequest, hosts: ReadonlySet<string>): void {
  const host = hostName(request.headers.host);
  if (host === undefined || !hosts.has(host))
    throw new CaissonError('origin_refused', 'the service does not answer to the host name of this request');
}

/** Only browsers send an origin: it must be this service itself. */
function checkOrigin(request: FastifyRequest): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  if (!URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase())
    throw new CaissonError('origin_refused', 'a page of another origin may not call this service');
}

/** Addresses are logged by everything between here and the client. */
function checkQuery(request: FastifyRequest): void {
  const start = request.url.indexOf('?');
  if (start === -1) return;
  for (const name of new URLSearchParams(request.url.slice(start + 1)).keys())
    if (KEY_PARAMETERS.includes(name.toLowerCase()))
      throw new CaissonError('invalid_input', 'a key does not belong in the address: send it as a header', {
        hint: 'Send Authorization: Bearer csn_…, and make a new key: this one may be in a log now.',
      });
}

/** Without the port; undefined if it is no host at all. */
function hostName(header: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(header ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
