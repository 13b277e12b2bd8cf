// Owns the routes by which a person signs in with a browser and out again. Knows no token and no role.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import { parseInput } from '../parse.ts';
import type { BrowsersPort } from '../ports.ts';
import type { RouteContext } from '../route-context.ts';
import { cookieOf, originOf, setCookie } from './browser.ts';
import { SESSION_COOKIE, sessionOf } from './session.ts';

const LOGIN_COOKIE = 'caisson_login';
const LOGIN_SECONDS = 600;
const MOST_CHARACTERS = 1024;
const beginSchema = z.object({ to: z.string().max(MOST_CHARACTERS).default('/') });
const emptySchema = z.strictObject({});

/** Only where people have an identity provider. */
export function peopleRoutes(app: FastifyInstance, { ports: { people, logger } }: RouteContext): void {
  if (people === undefined) return;
  const { browsers } = people;
  // A look at the headers alone must begin and finish nothing.
  const exposeHeadRoute = false;
  app.get('/auth/login', { exposeHeadRoute }, async (request, reply) => {
    const { to } = parseInput(beginSchema, request.query);
    const origin = originOf(request, browsers.publicUrl);
    const path = ownPath(to, origin);
    const { address, proof } = await browsers.begin(backOf(origin));
    const value = `${proof}.${Buffer.from(path).toString('base64url')}`;
    // The provider sends the browser back here from its own site: a strict cookie would not come along.
    setCookie(reply, origin, { name: LOGIN_COOKIE, value, site: 'lax', seconds: LOGIN_SECONDS });
    return reply.redirect(address, 302);
  });
  app.get('/auth/callback', { exposeHeadRoute }, async (request, reply) => {
    const origin = originOf(request, browsers.publicUrl);
    const { proof, to } = begunOf(request, origin);
    const { secret, ms, who } = await browsers.finish(withQuery(backOf(origin), request), proof);
    logger.info('a person signed in', { request: request.id, person: who.id });
    setCookie(reply, origin, { name: LOGIN_COOKIE, value: '', site: 'lax', seconds: 0 });
    setCookie(reply, origin, { name: SESSION_COOKIE, value: secret, site: 'strict', seconds: Math.floor(ms / 1000) });
    return reply.type('text/html; charset=utf-8').send(pageTo(to));
  });
  app.post('/auth/logout', async (request, reply) => {
    parseInput(emptySchema, request.body);
    endSession(request, browsers);
    const origin = originOf(request, browsers.publicUrl);
    setCookie(reply, origin, { name: SESSION_COOKIE, value: '', site: 'strict', seconds: 0 });
    return { ok: true };
  });
}

function endSession(request: FastifyRequest, browsers: BrowsersPort): void {
  const secret = sessionOf(request, browsers);
  if (secret !== undefined) browsers.end(secret);
}

function backOf(origin: string): string {
  return `${origin}/auth/callback`;
}

function withQuery(address: string, { url }: FastifyRequest): URL {
  const start = url.indexOf('?');
  return new URL(start === -1 ? address : `${address}${url.slice(start)}`);
}

/** What the browser kept since /auth/login. It is not signed: only who sent the browser to the provider knows the proof. */
function begunOf(request: FastifyRequest, origin: string): { readonly proof: string; readonly to: string } {
  const value = cookieOf(request, LOGIN_COOKIE, origin) ?? '';
  const end = value.lastIndexOf('.');
  const path = Buffer.from(value.slice(end + 1), 'base64url').toString('utf8');
  return { proof: value.slice(0, Math.max(end, 0)), to: ownPath(path === '' ? '/' : path, origin) };
}

/** The path as a browser would read it. Throws `invalid_input` where that leads to another place. */
function ownPath(to: string, origin: string): string {
  const url = to.startsWith('/') && URL.canParse(to, origin) ? new URL(to, origin) : undefined;
  const path = url?.origin === origin ? `${url.pathname}${url.search}${url.hash}` : '';
  // What is a path here must be one again for the browser: //NAME is another place.
  if (path === '' || path.startsWith('//') || path.startsWith('/auth/'))
    throw new CaissonError('invalid_input', 'to: expected a path of this service, as /console/runs', {
      place: { field: 'to' },
    });
  return path;
}

/**
 * A redirect would still belong to the way from the provider's site, on which the strict cookie of the session does not come along.
 * The page is ours, and so is where it leads to.
 */
function pageTo(to: string): string {
  const address = to.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=${address}"><title>Signed in</title>
<a href="${address}">You are signed in: go on</a>
`;
}
