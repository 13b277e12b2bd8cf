// The keys of the small identity provider, what it signs with them, and what somebody else does.
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

export interface Signer {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export function newSigner(alg: 'RS256' | 'PS256' | 'ES256' | 'ES384' | 'EdDSA', kid: string, bits = 2048): Signer {
  if (alg === 'EdDSA') return { kid, alg, ...generateKeyPairSync('ed25519') };
  if (alg === 'ES256') return { kid, alg, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
  if (alg === 'ES384') return { kid, alg, ...generateKeyPairSync('ec', { namedCurve: 'P-384' }) };
  return { kid, alg, ...generateKeyPairSync('rsa', { modulusLength: bits }) };
}

export function publicOf({ kid, publicKey }: Signer, more: object = {}): object {
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', ...more };
}

/** `header`: beside `alg` and `kid`, or in their place. */
export function signed(signer: Signer, claims: object, header: object = {}): string {
  const data = `${part({ alg: signer.alg, kid: signer.kid, ...header })}.${part(claims)}`;
  const { alg, privateKey: key } = signer;
  if (alg === 'EdDSA') return `${data}.${sign(null, Buffer.from(data), key).toString('base64url')}`;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
  const how = alg === 'PS256' ? { key, ...padding } : { key, dsaEncoding: 'ieee-p1363' as const };
  return `${data}.${sign(alg === 'ES384' ? 'sha384' : 'sha256', Buffer.from(data), how).toString('base64url')}`;
}

/** Signed with a secret that is really a public key. */
export function signedWithPublic({ kid, publicKey }: Signer, claims: object): string {
  const data = `${part({ alg: 'HS256', kid })}.${part(claims)}`;
  const secret = publicKey.export({ format: 'pem', type: 'spki' });
  return `${data}.${createHmac('sha256', secret).update(data).digest('base64url')}`;
}

export function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
