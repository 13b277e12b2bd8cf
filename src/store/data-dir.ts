// Owns the data directory: its names, its making, and the lock that lets one process use it. Knows no table.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { type Connection, holdLock } from './connection.ts';
import { storeError } from './failures.ts';

const LOCK_FILE = 'lock';
const OWNER_FILE = 'lock.owner';

/**
 * Makes the directory (0700) if it is missing and takes its lock, which the kernel drops when the process dies.
 * Throws `data_dir_locked`, naming who holds it, or `data_dir_unusable`.
 */
export function lockDataDir(dataDir: string): Connection {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const lock = holdLock(join(dataDir, LOCK_FILE));
    writeFileSync(join(dataDir, OWNER_FILE), `${process.pid} on ${hostname()}\n`, { mode: 0o600 });
    return lock;
  } catch (error) {
    const coded = storeError(error, `cannot use the data directory ${dataDir}`);
    if (coded.code !== 'data_dir_locked') throw coded;
    throw new CaissonError('data_dir_locked', `${dataDir} is in use by ${ownerOf(dataDir)}`, { cause: error });
  }
}

/** For the message only: the lock itself is the kernel's. */
function ownerOf(dataDir: string): string {
  try {
    return `process ${readFileSync(join(dataDir, OWNER_FILE), 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}
