// A small identity provider for tests, over HTTP or TLS: discovery, its keys, and where people sign in.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import type { CertificateFiles } from '../certificates.ts';
import { answerSignIn, newSignIn, type SignIn } from './sign-in.ts';
import { publicOf, type Signer } from './signers.ts';

export interface Provider {
  readonly issuer: string;
  /** What its address of keys gives; may be changed. */
  keys: readonly object[];
  /** What its discovery document says beside the truth. */
  lies: object;
  /** How often its keys were asked for. */
  asked: number;
  down: boolean;
  readonly signIn: SignIn;
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
      return void json({ ...documentOf(provider.issuer, signers), ...provider.lies });
    const path = request.url?.split('?', 1)[0];
    if (path === '/authorize' || path === '/token') return void answerSignIn(request, response, provider, signers);
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
  const provider: Provider = {
    issuer,
    keys: signers.map((one) => publicOf(one)),
    lies: {},
    asked: 0,
    down: false,
    signIn: newSignIn(),
  };
  return provider;
}

function documentOf(issuer: string, signers: readonly Signer[]): object {
  return {
    issuer,
    jwks_uri: `${issuer}/keys`,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    id_token_signing_alg_values_supported: signers.map(({ alg }) => alg),
  };
}
