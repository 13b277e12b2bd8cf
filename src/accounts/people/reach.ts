// Owns the way to an identity provider: whom to trust on it, how long to wait, how much to read. Knows no document and no token.
import { Agent, fetch } from 'undici';
import { CaissonError } from '../../base/errors.ts';

export interface ProviderPlace {
  readonly issuer: string;
  /** Certificates in PEM form; absent: those that Node knows. */
  readonly ca?: string;
}

/** As far as it is asked for here. */
export type Reach = (address: string, wish?: Wish) => Promise<Response>;

interface Wish {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | null;
}

export const REACH_SECONDS = 5;
const FAILED = 500;
const MOST_BYTES = 1024 * 1024;

/** Follows no redirect, and leaves TLS only if the issuer does. Rejects with `identity_unreachable`. */
export function createReach({ issuer, ca }: ProviderPlace): Reach {
  const dispatcher = new Agent({ maxResponseSize: MOST_BYTES, ...(ca === undefined ? {} : { connect: { ca } }) });
  return async (address, { method = 'GET', headers = {}, body = null } = {}) => {
    try {
      if (!isSafe(address, issuer)) throw new Error('one of its addresses is no https address');
      const signal = AbortSignal.timeout(REACH_SECONDS * 1000);
      const answer = await fetch(address, { method, headers, body, dispatcher, signal, redirect: 'manual' });
      const content = await answer.text();
      if (answer.status >= FAILED) throw new Error(`it answered with status ${answer.status}`);
      return new Response(content === '' ? null : content, { status: answer.status, headers: [...answer.headers] });
    } catch (error) {
      throw unreachable(issuer, error);
    }
  };
}

/** `error`: what went wrong on the way; the last cause says it best. */
export function unreachable(issuer: string, error: unknown): CaissonError {
  let why = error;
  while (why instanceof Error && why.cause instanceof Error) why = why.cause;
  const words = why instanceof Error ? why.message : String(why);
  return new CaissonError(
    'identity_unreachable',
    `the identity provider ${issuer} does not answer as it should: ${words}`,
  );
}

export function isSafe(address: string, issuer: string): boolean {
  return address.startsWith('https://') || (issuer.startsWith('http://') && address.startsWith('http://'));
}
