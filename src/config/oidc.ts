// Owns the part of a configuration about people who come with a token of an identity provider. Knows no token.
import { isIP } from 'node:net';
import { type Role, ROLES } from '../contracts/accounts.ts';
import type { Zod } from '../base/schema.ts';

/** None of them takes a secret that both sides know. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const;

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Tokens for it are good as well as those for the client. */
  readonly audience?: string;
  readonly algorithms: readonly (typeof ALGORITHMS)[number][];
  /** File with the certificates of those who may sign the provider's; absent: those that Node knows. */
  readonly ca?: string;
  readonly roles: { readonly claim: string; readonly values: Readonly<Record<string, readonly Role[]>> };
  /** Absent: everyone's team is `default`. */
  readonly team?: { readonly claim: string; readonly values: Readonly<Record<string, string>> };
}

export function oidcSchema(z: Zod) {
  const word = z.string().min(1).max(256);
  return z.strictObject({
    issuer: z.string().refine(isIssuer, 'expected an address that begins with https:// and ends before ? and #'),
    client_id: word,
    audience: word.optional(),
    algorithms: z.array(z.enum(ALGORITHMS)).min(1).optional(),
    ca: z.string().min(1).max(4096).optional(),
    roles: z.strictObject({ claim: word, values: z.record(word, z.array(z.enum(ROLES)).min(1)) }),
    team: z.strictObject({ claim: word, values: z.record(word, word.max(80)) }).optional(),
  });
}

interface OidcValues {
  readonly issuer: string;
  readonly client_id: string;
  readonly audience?: string | undefined;
  readonly algorithms?: OidcConfig['algorithms'] | undefined;
  readonly ca?: string | undefined;
  readonly roles: OidcConfig['roles'];
  readonly team?: NonNullable<OidcConfig['team']> | undefined;
}

export function oidcOf({ issuer, client_id: clientId, audience, algorithms, ca, roles, team }: OidcValues): OidcConfig {
  return {
    issuer,
    clientId,
    ...(audience === undefined ? {} : { audience }),
    algorithms: algorithms ?? ['RS256', 'ES256'],
    ...(ca === undefined ? {} : { ca }),
    roles,
    ...(team === undefined ? {} : { team }),
  };
}

/** In clear only on this machine: whoever sits in between could hand out keys. */
function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, search, hash, username, password } = new URL(text);
  if (search !== '' || hash !== '' || username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'));
}
