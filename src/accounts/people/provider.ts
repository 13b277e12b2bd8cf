// Owns what is known of an identity provider: its discovery document and its keys, fetched together, kept for a while. Knows no claim.
import { createLocalJWKSet, errors, type JSONWebKeySet, type LocalJWKSet } from 'jose';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  clockTolerance,
  type Configuration,
  customFetch,
  discovery,
  None,
} from 'openid-client';
import type { Clock } from '../../base/clock.ts';
import { CaissonError } from '../../base/errors.ts';
import { createReach, type ProviderPlace, type Reach, REACH_SECONDS, unreachable } from './reach.ts';

export interface Provider {
  /** Rejects with `identity_unreachable`. */
  configuration(): Promise<Configuration>;
  /**
   * Hands out its keys; where `use` finds none that fits, they are asked for again, but not more often than every 30 seconds.
   * Rejects with `identity_unreachable`, and as `use` does.
   */
  withKeys<Result>(use: (keys: LocalJWKSet) => Promise<Result>): Promise<Result>;
}

export interface ProviderClient extends ProviderPlace {
  readonly clientId: string;
  /** Absent: a client that can keep none. */
  readonly clientSecret?: string;
}

interface Known {
  readonly configuration: Configuration;
  readonly keys: LocalJWKSet;
}

/** That the clocks of both sides may be apart. */
export const TOLERANCE_SECONDS = 60;
const KEEP_MS = 10 * 60_000;
const AGAIN_MS = 30_000;
/** A provider that cannot be asked is left alone for so long: anyone can send a token. */
const PAUSE_MS = 1000;

export function createProvider(client: ProviderClient, clock: Pick<Clock, 'monotonic'>): Provider {
  const reach = createReach(client);
  let last: { readonly known: Known; readonly at: number } | undefined;
  let coming: { readonly known: Promise<Known>; until: number } | undefined;
  const age = () => (last === undefined ? Infinity : clock.monotonic() - last.at);
  const fetchOnce = async () => {
    if (coming !== undefined && clock.monotonic() < coming.until) return coming.known;
    const fetching = { known: learn(client, reach), until: Infinity };
    coming = fetching;
    try {
      const known = await fetching.known;
      last = { known, at: clock.monotonic() };
      fetching.until = 0;
      return known;
    } catch (error) {
      fetching.until = clock.monotonic() + PAUSE_MS;
      throw error;
    }
  };
  const current = async () => (last !== undefined && age() < KEEP_MS ? last.known : fetchOnce());
  return {
    configuration: async () => (await current()).configuration,
    withKeys: async (use) => {
      const { keys } = await current();
      try {
        return await use(keys);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey) || age() < AGAIN_MS) throw error;
        return use((await fetchOnce()).keys);
      }
    },
  };
}

async function learn(client: ProviderClient, reach: Reach): Promise<Known> {
  try {
    const configuration = await discover(client, reach);
    const { issuer, jwks_uri: address = '' } = configuration.serverMetadata();
    // Else whoever can answer at that address could speak for another provider.
    if (issuer !== client.issuer) throw new Error('its discovery document is of another issuer');
    const answer = await reach(address, { headers: { accept: 'application/json' } });
    if (answer.status !== 200) throw new Error(`its keys came with status ${answer.status}`);
    return { configuration, keys: createLocalJWKSet((await answer.json()) as JSONWebKeySet) };
  } catch (error) {
    throw knownIn(error) ?? unreachable(client.issuer, error);
  }
}

function discover({ issuer, clientId, clientSecret }: ProviderClient, reach: Reach): Promise<Configuration> {
  const authentication = clientSecret === undefined ? None() : ClientSecretBasic(clientSecret);
  return discovery(new URL(issuer), clientId, { [clockTolerance]: TOLERANCE_SECONDS }, authentication, {
    timeout: REACH_SECONDS,
    execute: issuer.startsWith('http://') ? [allowInsecureRequests] : [],
    [customFetch]: (address, { method, headers, body }) => reach(address, { method, headers, body: textOf(body) }),
  });
}

/** What is sent to a provider is a form, or nothing. */
function textOf(body: unknown): string | null {
  return body instanceof URLSearchParams || typeof body === 'string' ? String(body) : null;
}

/** The mistake that a library has wrapped into one of its own. */
export function knownIn(error: unknown): CaissonError | undefined {
  if (error instanceof CaissonError) return error;
  return error instanceof Error ? knownIn(error.cause) : undefined;
}
