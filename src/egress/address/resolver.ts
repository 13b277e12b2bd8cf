// Owns the addresses of names: those that are given, else A and AAAA of the site’s resolvers. Asks for nothing on its own.
import { Resolver } from 'node:dns/promises';
import type { Clock } from '../../base/clock.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Fault } from '../http/wire.ts';
import { type Address, parseAddress } from './bytes.ts';

export interface LookedUp {
  readonly address: string;
  /** Seconds. */
  readonly ttl: number;
}

/** One question of one type. [] if there is no such record; rejects if the resolver does not answer. */
export type Lookup = (name: string, type: 'A' | 'AAAA') => Promise<readonly LookedUp[]>;

export interface NameResolver {
  /** IPv4 first. Never empty. `name` is in its canonical form. */
  addressesOf(name: string): Promise<readonly Address[] | Fault>;
}

interface Kept {
  readonly found: Promise<readonly Address[] | Fault>;
  /** Of the monotonic clock. */
  until: number;
}

const MOST_NAMES = 256;
const SHORTEST_MS = 1000;
const LONGEST_MS = 5 * 60_000;
/** So long a name that has no address is not asked for again. */
const FAILED_MS = 5000;
const NO_RECORD = new Set(['ENOTFOUND', 'ENODATA']);
const LOOPBACK = ['127.0.0.1', '::1'].flatMap((text) => parseAddress(text) ?? []);

/** `servers`: as `host:port`; absent: those of the machine. */
export function systemLookup(servers?: readonly string[]): Lookup {
  const resolver = new Resolver({ timeout: Math.floor(LIMITS.egressResolveMs / 2), tries: 2 });
  if (servers !== undefined) resolver.setServers([...servers]);
  return async (name, type) => {
    try {
      const found = type === 'A' ? resolver.resolve4(name, { ttl: true }) : resolver.resolve6(name, { ttl: true });
      return await found;
    } catch (error) {
      if (NO_RECORD.has(String((error as NodeJS.ErrnoException).code))) return [];
      throw error;
    }
  };
}

export function createResolver(
  names: ReadonlyMap<string, readonly Address[]>,
  lookup: Lookup,
  clock: Pick<Clock, 'monotonic'>,
): NameResolver {
  const kept = new Map<string, Kept>();
  return {
    addressesOf: (name) => {
      const given = names.get(name);
      if (given !== undefined) return Promise.resolve(given);
      // RFC 6761: it is never asked of a resolver.
      if (name === 'localhost' || name.endsWith('.localhost')) return Promise.resolve(LOOPBACK);
      const known = kept.get(name);
      if (known !== undefined && clock.monotonic() < known.until) return known.found;
      return ask(name, kept, lookup, clock);
    },
  };
}

function ask(
  name: string,
  kept: Map<string, Kept>,
  lookup: Lookup,
  clock: Pick<Clock, 'monotonic'>,
): Promise<readonly Address[] | Fault> {
  const both = inTime(Promise.all([lookup(name, 'A'), lookup(name, 'AAAA')]));
  const entry: Kept = { found: both.then((answers) => readAnswers(name, answers)), until: Number.POSITIVE_INFINITY };
  kept.delete(name);
  kept.set(name, entry);
  for (const oldest of kept.keys()) if (kept.size > MOST_NAMES) kept.delete(oldest);
  void both.then((answers) => {
    const times = 'fault' in answers ? [] : answers.flat().map(({ ttl }) => ttl * 1000);
    const ms = times.length === 0 ? FAILED_MS : Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.min(...times)));
    entry.until = clock.monotonic() + ms;
  });
  return entry.found;
}

type Answers = readonly (readonly LookedUp[])[];

function readAnswers(name: string, answers: Answers | Fault): readonly Address[] | Fault {
  if ('fault' in answers) return answers;
  const addresses = answers.flat().flatMap(({ address }) => parseAddress(address) ?? []);
  return addresses.length === 0 ? { fault: `the resolver knows no address of ${name}` } : addresses;
}

/** A resolver that does not answer costs a fixed time, whatever it is asked with. */
function inTime(answers: Promise<Answers>): Promise<Answers | Fault> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ fault: 'the resolver did not answer' }), LIMITS.egressResolveMs);
    const settle = (result: Answers | Fault) => {
      clearTimeout(timer);
      resolve(result);
    };
    answers.then(settle, (error: unknown) => settle({ fault: `the resolver failed (${codeOf(error)})` }));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'for no known reason';
}
