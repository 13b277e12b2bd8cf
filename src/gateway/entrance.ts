// Owns what every request must pass before anything is asked of it: its form, its host, its origin. Knows no route.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CaissonError } from '../base/errors.ts';
import type { GatewayPorts } from './ports.ts';

const KEY_PARAMETERS: readonly string[] = ['key', 'api_key', 'apikey', 'api-key', 'token', 'access_token'];
/** Whoever sends one of them twice means two different things. */
const ONCE: readonly string[] = [
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'content-length',
  'transfer-encoding',
];
/** The client left before its answer was complete. */
const CLIENT_LEFT = 499;
/** The connection was broken, so that half an answer looks like none. */
const ANSWER_BROKE = 502;

export function guardEntrance(app: FastifyInstance, ports: GatewayPorts): void {
  const hosts = new Set(ports.allowedHosts.map((host) => host.toLowerCase()));
  // Later hooks call back; this one is a promise, so that Node has told of a broken request before anything answers it.
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'x-request-id': request.id,
      // Clients of Anthropic's dialect read this one.
      'request-id': request.id,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'cache-control': 'no-store',
    });
    tellEnd(request, reply, ports);
    checkForm(request);
    checkHost(request, hosts);
    checkOrigin(request);
    checkQuery(request);
  });
}

/** Each request is told once, however it ends: the framework tells only of answers that were sent whole. */
function tellEnd(request: FastifyRequest, reply: FastifyReply, { tally, logger }: GatewayPorts): void {
  const { raw } = reply;
  let told = false;
  const tell = () => {
    if (told) return;
    told = true;
    const route = request.routeOptions.url ?? 'none';
    const { method } = request;
    const status = raw.writableFinished ? reply.statusCode : brokenStatus(raw.errored);
    const ms = reply.elapsedTime;
    tally.request({ method, route, status, ms });
    logger.info('request', { request: request.id, method, route, status, ms: Math.round(ms) });
  };
  raw.once('finish', tell).once('close', tell);
}

function brokenStatus(error: Error | null): number {
  return error === null ? CLIENT_LEFT : ANSWER_BROKE;
}

/** What two servers in a row might read differently is refused, never repaired. */
function checkForm(request: FastifyRequest): void {
  checkTwins(request);
  checkEncodings(request);
  if (!request.url.startsWith('/'))
    throw new CaissonError('invalid_input', 'the address of a request begins with /: this is no proxy');
}

function checkTwins({ raw }: FastifyRequest): void {
  const seen = new Set<string>();
  for (let at = 0; at < raw.rawHeaders.length; at += 2) {
    const name = raw.rawHeaders[at]?.toLowerCase() ?? '';
    if (!ONCE.includes(name)) continue;
    if (seen.has(name)) throw new CaissonError('invalid_input', `the header ${name} is there twice`);
    seen.add(name);
  }
}

function checkEncodings({ raw, headers }: FastifyRequest): void {
  const { 'transfer-encoding': transfer, 'content-encoding': content } = headers;
  if (transfer !== undefined && (transfer.toLowerCase() !== 'chunked' || raw.httpVersion !== '1.1'))
    throw new CaissonError('invalid_input', 'the header transfer-encoding may only be chunked, and only in HTTP/1.1');
  if (content !== undefined && content !== 'identity')
    throw new CaissonError('unsupported_media_type', 'the body is compressed', { hint: 'Send it as it is.' });
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
