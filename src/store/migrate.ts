// Owns the numbered migrations: which are applied, and that none was changed since. Knows no table but its own.
import { readdirSync, readFileSync } from 'node:fs';
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { Connection } from './connection.ts';

const SHIPPED = new URL('./migrations/', import.meta.url);
const FILE_NAME = /^(\d{3})-[a-z0-9-]+\.sql$/;
const OWN_TABLE = `CREATE TABLE IF NOT EXISTS migrations (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL
) STRICT`;

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly sql: string;
}

/** Applies what is missing, each in a transaction of its own. Throws `migration_mismatch` if what is applied is not what is shipped. */
export function migrate(connection: Connection, directory: URL = SHIPPED): void {
  const shipped = readMigrations(directory);
  connection.exec(OWN_TABLE);
  const applied = connection
    .prepare<Omit<Migration, 'sql'>>('SELECT number, name, checksum FROM migrations ORDER BY number')
    .all();
  for (const [index, found] of applied.entries()) checkApplied(found, shipped[index]);
  for (const migration of shipped.slice(applied.length)) apply(connection, migration);
}

function readMigrations(directory: URL): readonly Migration[] {
  const names = readdirSync(directory)
    .filter((name) => FILE_NAME.test(name))
    .sort();
  return names.map((name, index) => {
    const sql = readFileSync(new URL(name, directory), 'utf8');
    if (Number(name.slice(0, 3)) !== index + 1)
      throw new CaissonError('migration_mismatch', `migration ${index + 1} is missing before ${name}`);
    return { number: index + 1, name, checksum: sha256(sql), sql };
  });
}

function checkApplied(found: Omit<Migration, 'sql'>, shipped: Migration | undefined): void {
  if (shipped === undefined)
    throw new CaissonError('migration_mismatch', `the database has ${found.name}, which this version does not know`);
  if (found.number !== shipped.number || found.name !== shipped.name)
    throw new CaissonError('migration_mismatch', `the database has ${found.name} where ${shipped.name} is expected`);
  if (found.checksum !== shipped.checksum)
    throw new CaissonError('migration_mismatch', `${found.name} was changed since the database was made with it`);
}

function apply(connection: Connection, migration: Migration): void {
  connection.exec('BEGIN IMMEDIATE');
  try {
    connection.exec(migration.sql);
    connection
      .prepare('INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)')
      .run(migration.number, migration.name, migration.checksum);
    connection.exec('COMMIT');
  } catch (error) {
    if (connection.inTransaction()) connection.exec('ROLLBACK');
    throw error;
  }
}
