// Owns what a stored key means: who it is, what it may use. Parses what the database says. Knows no look-up.
import { late } from '../base/schema.ts';
import {
  type ChangedKey,
  type KeyLimits,
  type KeyRecord,
  type KeySetting,
  type Principal,
  REQUEST_CLASSES,
  type Role,
  ROLES,
} from '../contracts/accounts.ts';
import { parseColumn } from '../store/json-column.ts';
import type { KeyRow } from '../store/keys.ts';

const rolesSchema = late((z) => z.array(z.string()));
const limitsSchema = late((z) => {
  const amount = z.number().positive().exactOptional();
  return z.object({
    models: z.array(z.string()).exactOptional(),
    requestsPerMinute: amount,
    tokensPerMinute: amount,
    streams: amount,
    dailyTokens: amount,
    dailyGpuSeconds: amount,
    budget: z.enum(['hard', 'soft']).exactOptional(),
    class: z.enum(REQUEST_CLASSES).exactOptional(),
  });
});

/** A limit that this version does not know cannot be kept: it is left out. */
export function principalOf(row: KeyRow): Principal {
  const { account, name, team } = row;
  return { id: account, name, team, roles: rolesOf(row), ...limitsPart(row) };
}

export function recordOf(row: KeyRow): KeyRecord {
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
    ...(row.account === id ? {} : { account: row.account }),
    ...limitsPart(row),
  };
}

export function changesBetween(before: KeyRecord, after: KeyRecord): ChangedKey['changes'] {
  const [old, now] = [settingsOf(before), settingsOf(after)];
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((name) => {
    const [from, to] = [old.get(name) ?? null, now.get(name) ?? null];
    return JSON.stringify(from) === JSON.stringify(to) ? [] : [{ name, from, to }];
  });
}

function settingsOf({ limits = {}, expiresAt }: KeyRecord): ReadonlyMap<string, KeySetting> {
  const settings: readonly (readonly [string, KeySetting])[] = Object.entries(limits);
  return new Map(expiresAt === undefined ? settings : [...settings, ['expiresAt', expiresAt]]);
}

/** A role that this version does not know gives nothing. */
function rolesOf({ id, roles }: KeyRow): readonly Role[] {
  const names = parseColumn(roles, rolesSchema, `the roles of key ${id}`);
  return ROLES.filter((role) => names.includes(role));
}

function limitsPart({ id, limits }: KeyRow): { readonly limits?: KeyLimits } {
  if (limits === '{}') return {};
  return { limits: parseColumn(limits, limitsSchema, `the limits of key ${id}`) };
}
