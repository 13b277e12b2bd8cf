// Owns the list of what a set-up made: every directory, link and file with its hash. Knows no cache and no run.
import { createHash, type Hash } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '../../base/errors.ts';
import type { BytePath } from '../byte-path.ts';

/** `path` begins with `work/` or `home/`. Parents come before what lies in them. */
export type KeptItem =
  | { readonly kind: 'directory'; readonly path: BytePath }
  | { readonly kind: 'link'; readonly path: BytePath; readonly target: string }
  | {
      readonly kind: 'file';
      readonly path: BytePath;
      readonly executable: boolean;
      readonly bytes: number;
      /** SHA-256 of the content, in hexadecimal digits: the name of its object. */
      readonly hash: string;
      /** Milliseconds since 1970: some tools compare it with what they noted. */
      readonly modifiedAt: number;
    };

export const MANIFEST = 'manifest';
/** Larger files are never held in memory, and share their blocks where the file system can do that. */
export const IN_MEMORY = 1024 * 1024;

export function objectPath(entry: string, hash: string): string {
  return join(entry, 'objects', hash.slice(0, 2), hash.slice(2));
}

export function manifestText(items: readonly KeptItem[]): string {
  return `${items.map((item) => JSON.stringify(item)).join('\n')}\n`;
}

/** Throws `setup_damaged` if it is not the one whose hash was noted. */
export function readManifest(entry: string, hash: string): readonly KeptItem[] {
  const text = readOrDamaged(join(entry, MANIFEST));
  if (hashOf(text) !== hash) throw damaged('its list is not the one that was written');
  const lines = text.toString('utf8').split('\n');
  return lines.flatMap((line) => (line === '' ? [] : [JSON.parse(line) as KeptItem]));
}

export function readOrDamaged(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw damaged('a file of it is gone', cause);
  }
}

export function damaged(what: string, cause?: unknown): CaissonError {
  return new CaissonError('setup_damaged', `a kept set-up is damaged: ${what}`, { cause });
}

export function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Of a file of any size. */
export function hashOfFile(path: string | Buffer): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return hashRest(fd, createHash('sha256'));
  } finally {
    closeSync(fd);
  }
}

function hashRest(fd: number, hash: Hash): string {
  const room = Buffer.allocUnsafe(IN_MEMORY);
  for (;;) {
    const read = readSync(fd, room, 0, room.length, null);
    if (read === 0) return hash.digest('hex');
    hash.update(room.subarray(0, read));
  }
}
