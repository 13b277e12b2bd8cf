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
}

const COLUMNS = 'id, hash, name, team, roles, prefix, created_at, expires_at, revoked_at';

function saveKey(db: Db, row: KeyRow): void {
  const values = ':id, :hash, :name, :team, :roles, :prefix, :created_at, :expires_at, :revoked_at';
  db.prepare(`INSERT INTO keys (${COLUMNS}) VALUES (${values})`).run(row);
}

/** The row afterwards; undefined if there is none. A key that was revoked before keeps its time. */
function revokeKey(db: Db, { id, now }: { readonly id: string; readonly now: number }): KeyRow | undefined {
  db.prepare('UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?').run(now, id);
  return db.prepare<KeyRow>(`SELECT ${COLUMNS} FROM keys WHERE id = ?`).get(id);
}

function findKey(db: Db, { hash }: { readonly hash: string }): KeyRow | undefined {
  return db.prepare<KeyRow>(`SELECT ${COLUMNS} FROM keys WHERE hash = ?`).get(hash);
}

function listKeys(db: Db): readonly KeyRow[] {
  return db.prepare<KeyRow>(`SELECT ${COLUMNS} FROM keys ORDER BY id`).all();
}

export const keyWrites = { saveKey, revokeKey };
export const keyReads = { findKey, listKeys };
