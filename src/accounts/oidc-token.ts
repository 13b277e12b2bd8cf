// Owns the check of a signed token: its form, its algorithm, its signature, whom it is from and for, when it holds. Knows no role.
import { constants, type KeyObject, verify } from 'node:crypto';
import type { ProviderKey, ProviderKeys } from './oidc-keys.ts';

type Json = Readonly<Record<string, unknown>>;
export type Claims = Json & { readonly sub: string };

export type CheckedToken =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly why: string };

export interface TokenRules {
  readonly issuer: string;
  /** Of the provider's client: the token must be meant for it. */
  readonly clientId: string;
  readonly algorithms: readonly TokenAlgorithm[];
}

/** None of them takes a secret that both sides know. */
export type TokenAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';

const TOKEN = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;
const MOST_CHARACTERS = 16_384;
/** That the clocks of both sides may be apart. */
const TOLERANCE_SECONDS = 60;
const RSA_BITS = 2048;

/** `now`: milliseconds since 1970. Rejects with `identity_unreachable` only. */
export async function checkToken(
  token: string,
  rules: TokenRules,
  { keys, now }: { readonly keys: ProviderKeys; readonly now: number },
): Promise<CheckedToken> {
  const read = readToken(token);
  if (read === undefined) return no('it is no signed token');
  const { header, claims, ...signed } = read;
  const algorithm = rules.algorithms.find((one) => one === header['alg']);
  if (algorithm === undefined) return no('its algorithm is not allowed');
  if ('crit' in header) return no('it asks for an extension that is not known here');
  const kid = typeof header['kid'] === 'string' ? header['kid'] : undefined;
  const candidates = (await keys.candidates(kid)).filter((key) => fits(key, algorithm));
  if (candidates.length === 0) return no('it is signed with a key that the provider does not have');
  if (!candidates.some(({ key }) => isSigned(signed, key, algorithm))) return no('its signature is wrong');
  return checkClaims(claims, rules, now / 1000);
}

function readToken(token: string) {
  const parts = token.length > MOST_CHARACTERS ? null : TOKEN.exec(token);
  const [, head = '', body = '', signature = ''] = parts ?? [];
  const [header, claims] = [jsonOf(head), jsonOf(body)];
  if (header === undefined || claims === undefined) return undefined;
  return { header, claims, data: Buffer.from(`${head}.${body}`), signature: Buffer.from(signature, 'base64url') };
}

function checkClaims(claims: Json, rules: TokenRules, now: number): CheckedToken {
  const { exp, nbf, iat, sub } = claims;
  const foreign = foreignness(claims, rules);
  if (foreign !== undefined) return no(foreign);
  if (typeof exp !== 'number' || exp + TOLERANCE_SECONDS <= now) return no('it has expired');
  if (isAhead(nbf, now) || isAhead(iat, now)) return no('it does not hold yet');
  return typeof sub === 'string' && sub !== '' ? { ok: true, claims: { ...claims, sub } } : no('it names nobody');
}

/** Undefined if it is from our provider, and for us. */
function foreignness({ iss, aud, azp }: Json, { issuer, clientId }: TokenRules): string | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (iss !== issuer) return 'it is from another issuer';
  if (!audiences.includes(clientId)) return 'it is meant for another audience';
  const isOthers = azp !== undefined && azp !== clientId && audiences.length > 1;
  return isOthers ? 'it was given to another client' : undefined;
}

/** A time that is none counts as ahead. */
function isAhead(time: unknown, now: number): boolean {
  return time !== undefined && !(typeof time === 'number' && time <= now + TOLERANCE_SECONDS);
}

/** A key for one algorithm must not be used with another. */
function fits({ alg, key }: ProviderKey, algorithm: TokenAlgorithm): boolean {
  if (alg !== undefined && alg !== algorithm) return false;
  const { kind, curve } = KEYS[algorithm];
  const { asymmetricKeyType, asymmetricKeyDetails: details } = key;
  if (asymmetricKeyType !== kind || details?.namedCurve !== curve) return false;
  return kind !== 'rsa' || (details?.modulusLength ?? 0) >= RSA_BITS;
}

const KEYS: Readonly<Record<TokenAlgorithm, { readonly kind: string; readonly curve?: string }>> = {
  RS256: { kind: 'rsa' },
  PS256: { kind: 'rsa' },
  ES256: { kind: 'ec', curve: 'prime256v1' },
  ES384: { kind: 'ec', curve: 'secp384r1' },
  EdDSA: { kind: 'ed25519' },
};

function isSigned(
  { data, signature }: { readonly data: Buffer; readonly signature: Buffer },
  key: KeyObject,
  algorithm: TokenAlgorithm,
): boolean {
  if (algorithm === 'EdDSA') return verify(null, data, key, signature);
  if (algorithm === 'RS256') return verify('sha256', data, key, signature);
  if (algorithm === 'PS256') {
    const { RSA_PKCS1_PSS_PADDING: padding, RSA_PSS_SALTLEN_DIGEST: saltLength } = constants;
    return verify('sha256', data, { key, padding, saltLength }, signature);
  }
  return verify(algorithm === 'ES256' ? 'sha256' : 'sha384', data, { key, dsaEncoding: 'ieee-p1363' }, signature);
}

function jsonOf(part: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function no(why: string): CheckedToken {
  return { ok: false, why };
}
