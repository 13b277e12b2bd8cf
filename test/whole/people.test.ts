// A person at a browser, a real `caisson serve` over TLS, and an identity provider with a certificate of a private CA: signed in and out.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import type http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CertificateFiles, makeCertificate } from '../gateway/certificates.ts';
import { readText } from '../gateway/http.ts';
import { startProvider } from '../gateway/people/provider.ts';
import { newSigner } from '../gateway/people/signers.ts';
import { dataDirFor } from './cli-setup.ts';
import { serve } from './served.ts';

interface Seen {
  readonly status: number | undefined;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

/** Trusts this signer alone. */
function browserOf(ca: string) {
  return async (address: string, headers: http.OutgoingHttpHeaders = {}, method = 'GET'): Promise<Seen> => {
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    https.request(address, { ca, headers, method, agent: false }, resolve).on('error', reject).end();
    const answer = await promise;
    return { status: answer.statusCode, headers: answer.headers, text: await readText(answer) };
  };
}

function configOf(issuer: string, { cert, key }: CertificateFiles, files: { ca: string; secret: string }): string {
  const roles = 'roles: {claim: groups, values: {ops: [auditor]}}';
  const client = `client_id: caisson, client_secret: {file: ${files.secret}}, ca: ${files.ca}`;
  return `server: {tls: {cert: ${cert}, key: ${key}}}
auth: {oidc: {issuer: "${issuer}", ${client}, ${roles}}}
`;
}

test('a person signs in over TLS, is let in by the cookie of this host alone, and signs out', async (context) => {
  const { folder } = dataDirFor(context);
  const signer = await makeCertificate(folder, 'signer');
  const files = await makeCertificate(folder, 'host', { signer });
  const secret = join(folder, 'secret');
  await writeFile(secret, 's3cret\n');
  const provider = await startProvider(context, [newSigner('ES256', 'k')], files);
  const { issuer, signIn } = provider;
  const service = await serve(context, configOf(issuer, files, { ca: signer.cert, secret }));
  const visit = browserOf(await readFile(signer.cert, 'utf8'));
  const at = `https://localhost:${service.port}`;

  const begun = await visit(`${at}/auth/login?to=/healthz`);
  const [login = ''] = begun.headers['set-cookie'] ?? [];
  const sent = await visit(String(begun.headers.location));
  const back = String(sent.headers.location);
  assert.ok(back.startsWith(`${at}/auth/callback?`), back);
  const page = await visit(back, { cookie: login.split(';')[0] });
  assert.match(page.text, /url=\/healthz"/);
  const cookie = /^(__Host-caisson_session=[\w-]{43}); Path=\/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure$/.exec(
    page.headers['set-cookie']?.[1] ?? '',
  )?.[1];
  assert.ok(cookie !== undefined, JSON.stringify(page));
  assert.equal(signIn.asked[0]?.authorization, `Basic ${Buffer.from('caisson:s3cret').toString('base64')}`);

  const statusOf = async (path: string, headers: http.OutgoingHttpHeaders, method?: string) =>
    (await visit(`${at}${path}`, { cookie, ...headers }, method)).status;
  assert.equal(await statusOf('/api/v1/backends', {}), 200);
  assert.equal(await statusOf('/api/v1/keys', {}), 403, 'an auditor makes no keys');
  assert.equal(await statusOf('/auth/logout', { origin: 'https://evil.example' }, 'POST'), 403);
  assert.equal(await statusOf('/auth/logout', { origin: at }, 'POST'), 200);
  assert.equal(await statusOf('/api/v1/backends', {}), 401);
  assert.match(service.logged(), /a person signed in/);
  for (const hidden of ['s3cret', cookie, new URL(back).searchParams.get('code') ?? ''])
    assert.ok(!service.logged().includes(hidden), hidden);
});
