// Owns the table of API keys. Knows no key, only hashes.
import type { Db } from './connection.ts';

export interface KeyRow {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly team: string;
  readonly roles: string;
  readonly prefix: string;
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly revoked_at: number | null;
  /** The first key of its line of rotations; its own id for that one. */
  readonly account: string;
  /** As JSON. */
  readonly limits: string;
}

const COLUMNS = 'id, hash, name, team, roles, prefix, created_at, expires_at, revoked_at, account, limits';
const VALUES = ':id, :hash, :name, :team, :roles, :prefix, :created_at, :expires_at, :revoked_at, :account, :limits';

function saveKey(db: Db, row: KeyRow): void {
  db.prepare(`INSERT INTO keys (${COLUMNS}) VALUES (${VALUES})`).run(row);
}

/** The row afterwards; undefined if there is none. A key that was revoked before keeps its time. */
function revokeKey(db: Db, { id, now }: { readonly id: string; readonly now: number }): KeyRow | undefined {
  db.prepare('UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?').run(now, id);
  return readKey(db, id);
}

/** What comes in place of a key: its own id, hash, prefix and times. The rest is the old key's. */
export interface NextKey {
  readonly of: string;
  readonly id: string;
  readonly hash: string;
  readonly prefix: string;
  readonly now: number;
  /** When the old one ends, unless it ends before. */
  readonly until: number;
  /** Null: it lives as long as the old one was made for. */
  readonly expires_at: number | null;
}

/** `missing`: there is no such key. `over`: it was revoked, has expired, or another one came in its place already. */
export type RotatedKey = KeyRow | 'missing' | 'over';

const SUCCESSOR = `SELECT 1 FROM keys
  WHERE account = ? AND rowid > (SELECT rowid FROM keys WHERE id = ?) AND revoked_at IS NULL`;

function rotateKey(db: Db, { of, until, ...next }: NextKey): RotatedKey {
  const old = readKey(db, of);
  if (old === undefined) return 'missing';
  if (isOver(old, next.now) || db.prepare(SUCCESSOR).get(old.account, old.id) !== undefined) return 'over';
  const { id, hash, prefix, now } = next;
  const lifetime = old.expires_at === null ? null : now + (old.expires_at - old.created_at);
  const row: KeyRow = { ...old, id, hash, prefix, created_at: now, expires_at: next.expires_at ?? lifetime };
  saveKey(db, row);
  db.prepare('UPDATE keys SET expires_at = min(coalesce(expires_at, :until), :until) WHERE id = :of').run({
    of,
    until,
  });
  return row;
}

/** `limits`: a merge patch (RFC 7396). Null takes the end of the key away, undefined leaves it. */
export interface KeyEdit {
  readonly id: string;
  readonly now: number;
  readonly expires_at: number | null | undefined;
  readonly limits: string;
}

/** `over`: it was revoked or has expired. */
export type EditedKey = { readonly before: KeyRow; readonly after: KeyRow } | 'missing' | 'over';

function changeKey(db: Db, { id, now, expires_at: expiresAt, limits }: KeyEdit): EditedKey {
  const before = readKey(db, id);
  if (before === undefined) return 'missing';
  if (isOver(before, now)) return 'over';
  db.prepare('UPDATE keys SET limits = json_patch(limits, ?) WHERE account = ?').run(limits, before.account);
  if (expiresAt !== undefined) db.prepare('UPDATE keys SET expires_at = ? WHERE id = ?').run(expiresAt, id);
  return { before, after: readKey(db, id) ?? before };
}

function isOver({ revoked_at: revokedAt, expires_at: expiresAt }: KeyRow, now: number): boolean {
  return revokedAt !== null || (expiresAt !== null && expiresAt <= now);
}

function findKey(db: Db, { hash }: { readonly hash: string }): KeyRow | undefined {
  return db.prepare<KeyRow>(`SELECT ${COLUMNS} FROM keys WHERE hash = ?`).get(hash);
}

function listKeys(db: Db): readonly KeyRow[] {
  return db.prepare<KeyRow>(`SELECT ${COLUMNS} FROM keys ORDER BY id`).all();
}

function readKey(db: Db, id: string): KeyRow | undefined {
  return db.prepare<KeyRow>(`SELECT ${COLUMNS} FROM keys WHERE id = ?`).get(id);
}

export const keyWrites = { saveKey, revokeKey, rotateKey, changeKey };
export const keyReads = { findKey, listKeys };
