// Owns API keys: made, looked up, rotated, revoked. Keeps no key, only its hash.
import type { Clock } from '../base/clock.ts';
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import type {
  ChangedKey,
  KeyChange,
  KeyRecord,
  KeyRotation,
  MadeKey,
  NewKeyRequest,
  Principal,
} from '../contracts/accounts.ts';
import type { KeyRow } from '../store/keys.ts';
import type { Store } from '../store/open.ts';
import { createKeyCache, type KeyCache, type KnownKey } from './key-cache.ts';
import { changesBetween, principalOf, recordOf } from './key-row.ts';
import { isWellFormed, newKey, prefixOf } from './key-text.ts';

export interface Accounts {
  /** The key is in the answer and nowhere else. */
  create(request: NewKeyRequest): Promise<MadeKey>;
  /** Undefined for a key that is unknown, expired or revoked. A mistyped one is told by its checksum, without a look-up. */
  authenticate(key: string): Promise<Principal | undefined>;
  /**
   * A new key for the same account; the old one is good for the overlap. Undefined if there is no such key. Rejects with `conflict`
   * for one that is over or was rotated before.
   */
  rotate(id: string, rotation: KeyRotation): Promise<MadeKey | undefined>;
  /** From the next request on. Undefined if there is no such key. Rejects with `conflict` for one that is over. */
  change(id: string, change: KeyChange): Promise<ChangedKey | undefined>;
  /** Undefined if there is no such key. Other keys of its account are as good as before. */
  revoke(id: string): Promise<KeyRecord | undefined>;
  list(): Promise<readonly KeyRecord[]>;
}

interface Ports {
  readonly store: Store;
  readonly clock: Clock;
}

export function createAccounts(ports: Ports): Accounts {
  const { store, clock } = ports;
  const cache = createKeyCache(clock);
  return {
    create: (request) => create(request, ports),
    authenticate: async (key) => {
      // Hashes are looked up and compared: how long that takes says nothing of a key.
      const hash = sha256(key);
      const known = cache.get(hash) ?? (isWellFormed(key) ? await find(hash, store, cache) : undefined);
      if (known === undefined) return undefined;
      const { expires_at: expiresAt, revoked_at: revokedAt } = known.row;
      const isOver = expiresAt !== null && expiresAt <= clock.now();
      return isOver || revokedAt !== null ? undefined : known.principal;
    },
    rotate: async (id, rotation) => {
      try {
        return await rotate(id, rotation, ports);
      } finally {
        cache.forget();
      }
    },
    change: async (id, change) => {
      try {
        return await edit(id, change, ports);
      } finally {
        cache.forget();
      }
    },
    revoke: async (id) => {
      const row = await store.write('revokeKey', { id, now: clock.now() });
      cache.forget();
      return row === undefined ? undefined : recordOf(row);
    },
    list: async () => (await store.read('listKeys', {})).map(recordOf),
  };
}

async function create(request: NewKeyRequest, { store, clock }: Ports): Promise<MadeKey> {
  const key = newKey();
  const now = clock.now();
  const id = newId('key', now);
  const row: KeyRow = {
    id,
    hash: sha256(key),
    name: request.name,
    team: request.team,
    roles: JSON.stringify(request.roles),
    prefix: prefixOf(key),
    created_at: now,
    expires_at: request.expiresAt ?? null,
    revoked_at: null,
    account: id,
    limits: JSON.stringify(request.limits ?? {}),
  };
  await store.write('saveKey', row);
  return { key, record: recordOf(row) };
}

async function rotate(
  of: string,
  { overlapMs, expiresAt }: KeyRotation,
  { store, clock }: Ports,
): Promise<MadeKey | undefined> {
  const key = newKey();
  const now = clock.now();
  const next = { of, id: newId('key', now), hash: sha256(key), prefix: prefixOf(key), now };
  const row = await store.write('rotateKey', { ...next, until: now + overlapMs, expires_at: expiresAt ?? null });
  if (row === 'missing') return undefined;
  if (row === 'over')
    throw new CaissonError('conflict', `key ${of} is over, or was rotated before`, {
      hint: 'Rotate the newest key of its line: `caisson keys list` shows them.',
    });
  return { key, record: recordOf(row) };
}

async function edit(
  id: string,
  { expiresAt, limits = {} }: KeyChange,
  { store, clock }: Ports,
): Promise<ChangedKey | undefined> {
  const wish = { id, now: clock.now(), expires_at: expiresAt, limits: JSON.stringify(limits) };
  const edited = await store.write('changeKey', wish);
  if (edited === 'missing') return undefined;
  if (edited === 'over')
    throw new CaissonError('conflict', `key ${id} is over`, { hint: 'Make a new one: `caisson keys create`.' });
  const [before, record] = [recordOf(edited.before), recordOf(edited.after)];
  return { record, changes: changesBetween(before, record) };
}

async function find(hash: string, store: Store, cache: KeyCache): Promise<KnownKey | undefined> {
  const turn = cache.turn();
  const row = await store.read('findKey', { hash });
  if (row === undefined) return undefined;
  const known = { row, principal: principalOf(row) };
  cache.keep(known, turn);
  return known;
}
