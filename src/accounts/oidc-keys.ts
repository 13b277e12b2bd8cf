// Owns the keys of an identity provider: found by its discovery document, fetched, kept for a while. Knows no token and no claim.
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { CaissonError } from '../base/errors.ts';
import { nodeHttp, nodeHttps } from '../base/http.ts';

export interface ProviderKey {
  readonly kid: string | undefined;
  /** The only algorithm it is for, where the provider says. */
  readonly alg: string | undefined;
  readonly key: KeyObject;
}

export interface ProviderKeys {
  /** Rejects with `identity_unreachable`. An unknown `kid` is asked for again, but not more often than every 30 seconds. */
  candidates(kid: string | undefined): Promise<readonly ProviderKey[]>;
}

export interface ProviderPlace {
  readonly issuer: string;
  /** Certificates in PEM form; absent: those that Node knows. */
  readonly ca?: string;
}

const KEEP_MS = 10 * 60_000;
const AGAIN_MS = 30_000;
/** A provider that cannot be asked is left alone for so long: anyone can send a token. */
const PAUSE_MS = 1000;
const FETCH_MS = 5000;
const MOST_BYTES = 1024 * 1024;
const MOST_KEYS = 100;

export function createProviderKeys(place: ProviderPlace, clock: Pick<Clock, 'monotonic'>): ProviderKeys {
  let known: { readonly keys: readonly ProviderKey[]; readonly at: number } | undefined;
  let coming: { readonly keys: Promise<readonly ProviderKey[]>; until: number } | undefined;
  const fetchOnce = async () => {
    if (coming !== undefined && clock.monotonic() < coming.until) return coming.keys;
    const fetching = { keys: fetchKeys(place), until: Infinity };
    coming = fetching;
    try {
      const keys = await fetching.keys;
      known = { keys, at: clock.monotonic() };
      fetching.until = 0;
      return keys;
    } catch (error) {
      fetching.until = clock.monotonic() + PAUSE_MS;
      throw error;
    }
  };
  return {
    candidates: async (kid) => {
      const age = known === undefined ? Infinity : clock.monotonic() - known.at;
      const found = matching(known?.keys ?? [], kid);
      if (age < AGAIN_MS || (age < KEEP_MS && found.length > 0)) return found;
      return matching(await fetchOnce(), kid);
    },
  };
}

function matching(keys: readonly ProviderKey[], kid: string | undefined): readonly ProviderKey[] {
  return kid === undefined ? keys : keys.filter((key) => key.kid === kid);
}

async function fetchKeys(place: ProviderPlace): Promise<readonly ProviderKey[]> {
  const { issuer } = place;
  const found = await getJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, place);
  // Else whoever can answer at that address could speak for another provider.
  if (textIn(found, 'issuer') !== issuer) throw unreachable(issuer, 'its discovery document is of another issuer');
  const address = textIn(found, 'jwks_uri') ?? '';
  if (!isSafe(address, issuer)) throw unreachable(issuer, 'its jwks_uri is no https address');
  const { keys } = (await getJson(address, place)) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) throw unreachable(issuer, 'its keys are no list');
  return keys.slice(0, MOST_KEYS).flatMap(keyOf);
}

/** Only keys that sign, and only those that can be made public: a shared secret is never one. */
function keyOf(value: unknown): readonly ProviderKey[] {
  const [use, kty] = [textIn(value, 'use') ?? 'sig', textIn(value, 'kty')];
  if (use !== 'sig' || (kty !== 'RSA' && kty !== 'EC' && kty !== 'OKP')) return [];
  try {
    const key = createPublicKey({ key: value as JsonWebKey, format: 'jwk' });
    return [{ kid: textIn(value, 'kid'), alg: textIn(value, 'alg'), key }];
  } catch {
    return [];
  }
}

function isSafe(address: string, issuer: string): boolean {
  return address.startsWith('https://') || (issuer.startsWith('http://') && address.startsWith('http://'));
}

function textIn(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  const text: unknown = (value as Readonly<Record<string, unknown>>)[name];
  return typeof text === 'string' ? text : undefined;
}

/** Follows no redirect. */
function getJson(address: string, { issuer, ca }: ProviderPlace): Promise<object> {
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  const fail = (why: string) => reject(unreachable(issuer, why));
  const { get } = address.startsWith('https:') ? nodeHttps() : nodeHttp();
  const options = {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(FETCH_MS),
    agent: false as const,
  };
  const request = get(address, { ...options, ...(ca === undefined ? {} : { ca }) }, (answer) => {
    const parts: Buffer[] = [];
    let bytes = 0;
    answer.on('data', (part: Buffer) => {
      parts.push(part);
      bytes += part.length;
      if (bytes > MOST_BYTES) answer.destroy(new Error('it sends too much'));
    });
    answer.on('error', (error) => fail(error.message));
    answer.on('end', () => {
      const value = answer.statusCode === 200 ? objectOf(Buffer.concat(parts).toString('utf8')) : undefined;
      if (value === undefined) fail(`it answered with status ${answer.statusCode} and no JSON object`);
      else resolve(value);
    });
  });
  request.on('error', (error) => fail(error.message));
  return promise;
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(issuer: string, why: string): CaissonError {
  return new CaissonError(
    'identity_unreachable',
    `the identity provider ${issuer} cannot be asked for its keys: ${why}`,
  );
}
