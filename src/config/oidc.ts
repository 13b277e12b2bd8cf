// Owns the part of a configuration about people who come with a token of an identity provider. Knows no token.
import { isIP } from 'node:net';
import { type Role, ROLES } from '../contracts/accounts.ts';
import type { Zod } from '../base/schema.ts';
import type { SecretRef } from './secret.ts';

/** None of them takes a secret that both sides know. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const;

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** Tokens for it are good as well as those for the client. */
  readonly audience?: string;
  readonly algorithms: readonly (typeof ALGORITHMS)[number][];
  /** Of the client, for people who sign in with a browser. Absent: a client that can keep none. */
  readonly clientSecret?: SecretRef;
  /** What is asked for then. Absent: openid profile email. */
  readonly scope?: string;
  /** Where browsers find the service, as https://NAME. Absent: at the host name that they call. */
  readonly publicUrl?: string;
  /** File with the certificates of those who may sign the provider's; absent: those that Node knows. */
  readonly ca?: string;
  readonly roles: { readonly claim: string; readonly values: Readonly<Record<string, readonly Role[]>> };
  /** Absent: everyone's team is `default`. */
  readonly team?: { readonly claim: string; readonly values: Readonly<Record<string, string>> };
}

/** `secret`: what names the place of one. */
export function oidcSchema<Secret extends ReturnType<Zod['custom']>>(z: Zod, secret: Secret) {
  const word = z.string().min(1).max(256);
  return z.strictObject({
    issuer: z.string().refine(isIssuer, 'expected an address that begins with https:// and ends before ? and #'),
    client_id: word,
    client_secret: secret.optional(),
    audience: word.optional(),
    scope: word.regex(/^(?:\S+ )*openid(?: \S+)*$/, 'words with one space between, one of them openid').optional(),
    public_url: z.string().refine(isPublicUrl, 'expected https://NAME, without a path').optional(),
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
  readonly scope?: string | undefined;
  readonly public_url?: string | undefined;
  readonly algorithms?: OidcConfig['algorithms'] | undefined;
  readonly ca?: string | undefined;
  readonly roles: OidcConfig['roles'];
  readonly team?: NonNullable<OidcConfig['team']> | undefined;
}

export function oidcOf(values: OidcValues, clientSecret: SecretRef | undefined): OidcConfig {
  const { issuer, client_id: clientId, audience, scope, public_url: publicUrl, algorithms, ca, roles, team } = values;
  return {
    issuer,
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(audience === undefined ? {} : { audience }),
    ...(scope === undefined ? {} : { scope }),
    ...(publicUrl === undefined ? {} : { publicUrl }),
    algorithms: algorithms ?? ['RS256', 'ES256'],
    ...(ca === undefined ? {} : { ca }),
    roles,
    ...(team === undefined ? {} : { team }),
  };
}

function isPublicUrl(text: string): boolean {
  return isIssuer(text) && new URL(text).origin === text.replace(/\/$/, '').toLowerCase();
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
