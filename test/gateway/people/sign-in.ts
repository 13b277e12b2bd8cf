// The part of the small identity provider that browsers and their services meet: it gives codes and, for each once, an ID token.
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readText } from '../http.ts';
import { signed, type Signer } from './signers.ts';

interface Provider {
  readonly issuer: string;
  readonly signIn: SignIn;
}

export interface SignIn {
  /** Claims of the person who is at the browser, beside those that every ID token has. */
  claims: object;
  /** What the authorization endpoint sends back in place of a code. */
  refusal: string | undefined;
  /** What the token endpoint answers with, other than tokens. */
  status: number | undefined;
  /** Signs in place of the provider. */
  stranger: Signer | undefined;
  /** How services showed who they are, and what they sent. */
  readonly asked: { readonly authorization: string | undefined; readonly form: Readonly<Record<string, string>> }[];
  readonly codes: Map<string, URLSearchParams>;
}

export function newSignIn(): SignIn {
  const claims = { sub: 'u-1', preferred_username: 'ada', groups: ['ops'] };
  return { claims, refusal: undefined, status: undefined, stranger: undefined, asked: [], codes: new Map() };
}

export async function answerSignIn(
  request: IncomingMessage,
  response: ServerResponse,
  provider: Provider,
  signers: readonly Signer[],
): Promise<void> {
  const { searchParams: query, pathname } = new URL(request.url ?? '', provider.issuer);
  if (pathname === '/authorize')
    return void response.writeHead(302, { location: backWith(query, provider.signIn) }).end();
  const form = new URLSearchParams(await readText(request));
  provider.signIn.asked.push({ authorization: request.headers.authorization, form: Object.fromEntries(form) });
  const { status = 200 } = provider.signIn;
  const answer = status === 200 ? tokensFor(form, provider, signers) : { error: 'server_error' };
  response.writeHead('error' in answer && status === 200 ? 400 : status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(answer));
}

function backWith(query: URLSearchParams, { refusal, codes }: SignIn): string {
  const back = new URL(query.get('redirect_uri') ?? '');
  back.searchParams.set('state', query.get('state') ?? '');
  if (refusal !== undefined) back.searchParams.set('error', refusal);
  else {
    const code = randomUUID();
    codes.set(code, query);
    back.searchParams.set('code', code);
  }
  return back.href;
}

function tokensFor(form: URLSearchParams, { issuer, signIn }: Provider, [signer]: readonly Signer[]): object {
  const code = form.get('code') ?? '';
  const wish = signIn.codes.get(code);
  signIn.codes.delete(code);
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url');
  const isGood = challenge === wish?.get('code_challenge') && form.get('redirect_uri') === wish.get('redirect_uri');
  const by = signIn.stranger ?? signer;
  if (!isGood || by === undefined) return { error: 'invalid_grant' };
  const now = Math.floor(Date.now() / 1000);
  const fixed = { iss: issuer, aud: wish.get('client_id'), nonce: wish.get('nonce'), iat: now, exp: now + 300 };
  return { access_token: 'opaque', token_type: 'Bearer', id_token: signed(by, { ...fixed, ...signIn.claims }) };
}
