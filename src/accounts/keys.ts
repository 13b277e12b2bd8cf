// Owns API keys: made, looked up, revoked. Keeps no key, only its hash.
import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import { type KeyRecord, type Principal, type Role, ROLES } from '../contracts/accounts.ts';
import { parseColumn } from '../store/json-column.ts';
import type { KeyRow } from '../store/keys.ts';
import type { Store } from '../store/open.ts';
import { isWellFormed, newKey, prefixOf } from './key-text.ts';

const rolesSchema = z.array(z.string());

export interface NewKeyRequest {
  readonly name: string;
  readonly team: string;
  readonly roles: readonly Role[];
  /** Milliseconds since 1970. */
  readonly expiresAt?: number;
}

export interface Accounts {
  /** The key is in the answer and nowhere else. */
  create(request: NewKeyRequest): Promise<{ readonly key: string; readonly record: KeyRecord }>;
  /** Undefined for a key that is unknown, expired or revoked. A mistyped one is told by its checksum, without a look-up. */
  authenticate(key: string): Promise<Principal | undefined>;
  /** Undefined if there is no such key. */
  revoke(id: string): Promise<KeyRecord | undefined>;
  list(): Promise<readonly KeyRecord[]>;
}

export function createAccounts({ store, clock }: { readonly store: Store; readonly clock: Clock }): Accounts {
  return {
    create: async (request) => {
      const key = newKey();
      const now = clock.now();
      const row: KeyRow = {
        id: newId('key', now),
        hash: sha256(key),
        name: request.name,
        team: request.team,
        roles: JSON.stringify(request.roles),
        prefix: prefixOf(key),
        created_at: now,
        expires_at: request.expiresAt ?? null,
        revoked_at: null,
      };
      await store.write('saveKey', row);
      return { key, record: recordOf(row) };
    },
    authenticate: async (key) => {
      if (!isWellFormed(key)) return undefined;
      const hash = sha256(key);
      const row = await store.read('findKey', { hash });
      if (row === undefined || !timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash))) return undefined;
      const isOver = row.expires_at !== null && row.expires_at <= clock.now();
      return isOver || row.revoked_at !== null ? undefined : principalOf(row);
    },
    revoke: async (id) => {
      const row = await store.write('revokeKey', { id, now: clock.now() });
      return row === undefined ? undefined : recordOf(row);
    },
    list: async () => (await store.read('listKeys', {})).map(recordOf),
  };
}

function principalOf(row: KeyRow): Principal {
  const { id, name, team } = row;
  return { id, name, team, roles: rolesOf(row) };
}

/** A role that this version does not know gives nothing. */
function rolesOf({ id, roles }: KeyRow): readonly Role[] {
  const names = parseColumn(roles, rolesSchema, `the roles of key ${id}`);
  return ROLES.filter((role) => names.includes(role));
}

function recordOf(row: KeyRow): KeyRecord {
  const { id, name, team, prefix } = row;
  return {
    id,
    name,
    team,
    prefix,
    roles: rolesOf(row),
    createdAt: row.created_at,
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  };
}
