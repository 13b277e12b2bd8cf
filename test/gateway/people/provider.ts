// A small identity provider for tests, over HTTP: discovery, its keys, and tokens that it signs, or that somebody else does.
import { constants, createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { CertificateFiles } from '../certificates.ts';

export interface Signer {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

export interface Provider {
  readonly issuer: string;
  /** What its address of keys gives; may be changed. */
  keys: readonly object[];
  /** What its discovery document says beside the truth. */
  lies: object;
  /** How often its keys were asked for. */
  asked: number;
  down: boolean;
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

/** With `files` it speaks TLS. */
export async function startProvider(
  context: TestContext,
  signers: readonly Signer[],
  files?: CertificateFiles,
): Promise<Provider> {
  const listener = (request: http.IncomingMessage, response: http.ServerResponse) => {
    if (provider.down) return void request.socket.destroy();
    const json = (value: object) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (request.url === '/.well-known/openid-configuration')
      return void json({ issuer: provider.issuer, jwks_uri: `${provider.issuer}/keys`, ...provider.lies });
    if (request.url === '/elsewhere') return void response.writeHead(302, { location: '/keys' }).end();
    if (request.url !== '/keys') return void response.writeHead(404).end();
    provider.asked += 1;
    return void json({ keys: provider.keys });
  };
  const server =
    files === undefined
      ? http.createServer(listener)
      : https.createServer({ cert: await readFile(files.cert), key: await readFile(files.key) }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.closeAllConnections());
  context.after(() => server.close());
  const issuer = `${files === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: Provider = { issuer, keys: signers.map((one) => publicOf(one)), lies: {}, asked: 0, down: false };
  return provider;
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
