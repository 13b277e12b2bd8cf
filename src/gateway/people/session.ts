// Owns the session cookie of a person who signed in: who it is about, and where it counts. Knows no provider.
import type { FastifyRequest } from 'fastify';
import { CaissonError } from '../../base/errors.ts';
import type { Principal } from '../../contracts/accounts.ts';
import type { BrowsersPort } from '../ports.ts';
import { cookieOf, demandOwnPage, originOf } from './browser.ts';

export const SESSION_COOKIE = 'caisson_session';

/** Undefined if the browser brings no session. Throws `origin_refused`, and `unauthenticated` for a session that is over. */
export function personOf(request: FastifyRequest, browsers: BrowsersPort): Principal | undefined {
  const secret = sessionOf(request, browsers);
  if (secret === undefined) return undefined;
  const person = browsers.find(secret);
  if (person !== undefined) return person;
  throw new CaissonError('unauthenticated', 'the session is over', { hint: 'Sign in again at /auth/login.' });
}

/** The secret that the browser sends, whatever it is worth. Throws `origin_refused`. */
export function sessionOf(request: FastifyRequest, { publicUrl }: BrowsersPort): string | undefined {
  const origin = originOf(request, publicUrl);
  const secret = cookieOf(request, SESSION_COOKIE, origin);
  if (secret !== undefined) demandOwnPage(request, origin);
  return secret;
}
