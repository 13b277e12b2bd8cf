// Owns the check of a signed token: whom it is from and for, when it holds, and why it is not good. Knows no role.
import {
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type JWTVerifyOptions,
  type LocalJWKSet,
} from 'jose';
import { CaissonError } from '../../base/errors.ts';
import { type Provider, TOLERANCE_SECONDS } from './provider.ts';

export type Claims = JWTPayload & { readonly sub: string };

export type CheckedToken =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly why: string };

export interface TokenRules {
  readonly issuer: string;
  /** Of the provider's client: the token must be meant for it. */
  readonly clientId: string;
  /** Or for this: the service as an API, whose tokens the provider may give to other clients as well. */
  readonly audience?: string;
  readonly algorithms: readonly TokenAlgorithm[];
}

/** None of them takes a secret that both sides know. */
export type TokenAlgorithm = 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA';

const MOST_CHARACTERS = 16_384;

/** `now`: milliseconds since 1970. Rejects with `identity_unreachable` only. */
export async function checkToken(
  token: string,
  rules: TokenRules,
  { provider, now }: { readonly provider: Provider; readonly now: number },
): Promise<CheckedToken> {
  const strange = strangeness(token);
  if (strange !== undefined) return no(strange);
  const { issuer, clientId, audience, algorithms } = rules;
  const options: JWTVerifyOptions = {
    issuer,
    audience: audience === undefined ? clientId : [clientId, audience],
    algorithms: [...algorithms],
    requiredClaims: ['exp', 'sub'],
    clockTolerance: TOLERANCE_SECONDS,
    currentDate: new Date(now),
  };
  try {
    return checkClaims(await provider.withKeys((keys) => verified(token, keys, options)), rules, now / 1000);
  } catch (error) {
    if (error instanceof CaissonError) throw error;
    return no(reasonOf(error));
  }
}

/** Why it need not even be checked. */
function strangeness(token: string): string | undefined {
  try {
    const header = token.length > MOST_CHARACTERS ? undefined : decodeProtectedHeader(token);
    if (header !== undefined) return header.crit === undefined ? undefined : UNKNOWN_EXTENSION;
  } catch {
    // It has no header that could be read.
  }
  return NO_TOKEN;
}

/** A token that does not say which key it was signed with is tried with each that may be the one. */
async function verified(token: string, keys: LocalJWKSet, options: JWTVerifyOptions): Promise<JWTPayload> {
  try {
    return (await jwtVerify(token, keys, options)).payload;
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
    for await (const key of error) {
      const tried = await jwtVerify(token, key, options).catch((failure: unknown) => wrongKey(failure));
      if (tried !== undefined) return tried.payload;
    }
    throw new errors.JWSSignatureVerificationFailed();
  }
}

function wrongKey(failure: unknown): undefined {
  if (!(failure instanceof errors.JWSSignatureVerificationFailed)) throw failure;
}

function checkClaims(claims: JWTPayload, rules: TokenRules, now: number): CheckedToken {
  const { iat, sub } = claims;
  if (isOthers(claims, rules)) return no('it was given to another client');
  if (iat !== undefined && iat > now + TOLERANCE_SECONDS) return no(TOO_EARLY);
  return typeof sub === 'string' && sub !== '' ? { ok: true, claims: { ...claims, sub } } : no(NOBODY);
}

function isOthers({ aud, azp }: JWTPayload, { clientId, audience }: TokenRules): boolean {
  const audiences = [aud].flat();
  if (audience !== undefined && audiences.includes(audience)) return false;
  return azp !== undefined && azp !== clientId && audiences.length > 1;
}

const NO_TOKEN = 'it is no signed token';
const UNKNOWN_EXTENSION = 'it asks for an extension that is not known here';
const TOO_EARLY = 'it does not hold yet';
const OVER = 'it has expired';
const NOBODY = 'it names nobody';

const REASONS: Readonly<Record<string, string>> = {
  ERR_JOSE_ALG_NOT_ALLOWED: 'its algorithm is not allowed',
  ERR_JWKS_NO_MATCHING_KEY: 'it is signed with a key that the provider does not have',
  ERR_JWS_INVALID: NO_TOKEN,
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'its signature is wrong',
  ERR_JWT_EXPIRED: OVER,
  ERR_JWT_INVALID: NO_TOKEN,
};
const CLAIM_REASONS: Readonly<Record<string, string>> = {
  iss: 'it is from another issuer',
  aud: 'it is meant for another audience',
  exp: OVER,
  nbf: TOO_EARLY,
  iat: TOO_EARLY,
  sub: NOBODY,
};

function reasonOf(error: unknown): string {
  const unusable = 'it is signed with a key that cannot be used';
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_REASONS[error.claim] ?? NO_TOKEN;
  return error instanceof errors.JOSEError ? (REASONS[error.code] ?? unusable) : unusable;
}

function no(why: string): CheckedToken {
  return { ok: false, why };
}
