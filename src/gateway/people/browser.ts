// Owns what a browser brings and is given: cookies, and the proof that our own page sent the request. Knows no route and no provider.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CaissonError } from '../../base/errors.ts';

interface CookieRules {
  /** `lax`: it comes along as well when another site sends the browser here by a link or a redirect. */
  readonly site: 'strict' | 'lax';
  readonly seconds: number;
}

/** Methods that change nothing. */
const SAFE: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];

/** The service as browsers know it: https://NAME or http://NAME, with the port where it is not the usual one. */
export function originOf(request: FastifyRequest, publicUrl: string | undefined): string {
  return new URL(publicUrl ?? `${request.protocol}://${request.headers.host}`).origin;
}

/** Undefined if the browser has none, or two of that name: one of them was set by somebody else then. */
export function cookieOf(request: FastifyRequest, name: string, origin: string): string | undefined {
  const prefix = `${fullName(name, origin)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  const [value, ...others] = pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
  return others.length > 0 ? undefined : value;
}

/** For scripts of no page, over TLS only where there is TLS. `value`: without spaces, commas and semicolons; '' takes the cookie away. */
export function setCookie(reply: FastifyReply, origin: string, cookie: Cookie): void {
  const { name, value, site, seconds } = cookie;
  const secure = isSecure(origin) ? '; Secure' : '';
  const rules = `Path=/; Max-Age=${value === '' ? 0 : seconds}; HttpOnly; SameSite=${site === 'lax' ? 'Lax' : 'Strict'}`;
  reply.header('set-cookie', `${fullName(name, origin)}=${value}; ${rules}${secure}`);
}

interface Cookie extends CookieRules {
  readonly name: string;
  readonly value: string;
}

/**
 * A cookie comes along with every request that a browser sends, whoever made it do so. What changes something must come from a page of
 * ours: browsers say so in a header that no page can set. Throws `origin_refused`.
 */
export function demandOwnPage(request: FastifyRequest, origin: string): void {
  const { 'sec-fetch-site': site, origin: sender } = request.headers;
  if (SAFE.includes(request.method)) return;
  // Browsers leave out the first where there is no TLS.
  const isOurs = site === undefined ? sender === origin : site === 'same-origin' && (sender ?? origin) === origin;
  if (!isOurs)
    throw new CaissonError('origin_refused', 'a session in a cookie is only good for requests of our own pages', {
      hint: 'Send an API key or a token instead: Authorization: Bearer …',
    });
}

/** With that prefix browsers take the cookie from nobody but this very host, over TLS. */
function fullName(name: string, origin: string): string {
  return isSecure(origin) ? `__Host-${name}` : name;
}

function isSecure(origin: string): boolean {
  return origin.startsWith('https://');
}
