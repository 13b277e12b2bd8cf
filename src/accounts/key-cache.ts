// Owns the short memory for keys that were just seen, so that a request in a row of many asks no database. Knows no key, only hashes.
import type { Clock } from '../base/clock.ts';
import type { Principal } from '../contracts/accounts.ts';
import type { KeyRow } from '../store/keys.ts';

export interface KnownKey {
  readonly row: KeyRow;
  readonly principal: Principal;
}

export interface KeyCache {
  /** Undefined if it was not seen of late. */
  get(hash: string): KnownKey | undefined;
  /** `turn`: of the moment in which the key was asked for; a change since then makes it old already. */
  keep(known: KnownKey, turn: number): void;
  turn(): number;
  /** For every change of a key: nothing that was seen before it counts any more. */
  forget(): void;
}

/** Another process that opens the same database may revoke a key: so long it is still good here. */
const KEEP_MS = 5000;
const MOST_KEYS = 1000;

export function createKeyCache(clock: Pick<Clock, 'monotonic'>): KeyCache {
  const seen = new Map<string, { readonly known: KnownKey; readonly until: number }>();
  let turn = 0;
  return {
    get: (hash) => {
      const found = seen.get(hash);
      if (found === undefined || found.until > clock.monotonic()) return found?.known;
      seen.delete(hash);
      return undefined;
    },
    keep: (known, asked) => {
      if (asked !== turn) return;
      // The oldest goes first: a map keeps the order.
      const [oldest] = seen.keys();
      if (seen.size >= MOST_KEYS && oldest !== undefined) seen.delete(oldest);
      seen.set(known.row.hash, { known, until: clock.monotonic() + KEEP_MS });
    },
    turn: () => turn,
    forget: () => {
      turn += 1;
      seen.clear();
    },
  };
}
