// Owns the table of contents: texts addressed by their hash, whole, cut or pruned. Knows no event.
import { createHmac } from 'node:crypto';
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { LIMITS } from '../base/limits.ts';
import type { Db } from './connection.ts';

export interface ContentRow {
  readonly hash: string;
  /** Bytes of the content that the hash is of. */
  readonly bytes: number;
  readonly kept: 'whole' | 'cut' | 'pruned';
  readonly content: Buffer;
  /** '' for a whole content, which its hash proves. */
  readonly seal: string;
}

export interface NewContents {
  readonly contents: readonly string[];
  /** Hashes that must be given in `contents` or be stored; nothing else may be given. */
  readonly named: readonly string[];
  /** Key of the seals, as hexadecimal digits. */
  readonly sealKey: string;
}

const COLUMNS = 'hash, bytes, kept, content, seal';
const UPSERT = `INSERT INTO contents (${COLUMNS}) VALUES (:hash, :bytes, :kept, :content, :seal)
  ON CONFLICT (hash) DO UPDATE SET kept = excluded.kept, content = excluded.content, seal = excluded.seal
  WHERE contents.kept = 'pruned'`;

/** Stores the contents that are not stored yet. Throws `internal` for one that nobody names and for a name without content. */
export function storeContents(db: Db, { contents, named, sealKey }: NewContents): void {
  const names = new Set(named);
  const given = new Set<string>();
  for (const text of contents) {
    const hash = sha256(text);
    if (!names.has(hash)) throw new CaissonError('internal', `no event names the content ${hash}`);
    given.add(hash);
    db.prepare(UPSERT).run(rowOf(hash, Buffer.from(text), sealKey));
  }
  const missing = named.find((hash) => !given.has(hash) && !isStored(db, hash));
  if (missing !== undefined)
    throw new CaissonError('internal', `an event names ${missing}, which was neither given as a content nor stored`);
}

/** Text of the content, undefined if it is pruned or was never stored. Throws `journal_broken` if it does not match its hash. */
function readContent(db: Db, { hash }: { readonly hash: string }): string | undefined {
  const row = findContent(db, hash);
  if (row === undefined || row.kept === 'pruned') return undefined;
  if (row.kept === 'whole' && sha256(row.content) !== hash)
    throw new CaissonError('journal_broken', `the stored content of ${hash} was changed`);
  return row.content.toString();
}

/** Forgets the text and keeps its hash and size. False if it is not stored or pruned already. */
function pruneContent(db: Db, { hash, sealKey }: { readonly hash: string; readonly sealKey: string }): boolean {
  const row = findContent(db, hash);
  if (row === undefined || row.kept === 'pruned') return false;
  const pruned = sealed({ ...row, kept: 'pruned', content: Buffer.alloc(0) }, sealKey);
  db.prepare('UPDATE contents SET kept = :kept, content = :content, seal = :seal WHERE hash = :hash').run({
    hash,
    kept: pruned.kept,
    content: pruned.content,
    seal: pruned.seal,
  });
  return true;
}

export const contentWrites = { pruneContent };
export const contentReads = { readContent };

/** All rows, one at a time in memory. For a caller that has a connection of its own. */
export function contentRows(db: Db): Iterable<ContentRow> {
  return db.prepare<ContentRow>(`SELECT ${COLUMNS} FROM contents ORDER BY hash`).iterate();
}

export function isStored(db: Db, hash: string): boolean {
  return db.prepare('SELECT 1 FROM contents WHERE hash = ?').get(hash) !== undefined;
}

/** What proves a cut or pruned row: nobody without the key can forget or change a content unseen. */
export function sealOf(row: Omit<ContentRow, 'seal'>, sealKey: string): string {
  const words = `${row.hash} ${row.bytes} ${row.kept} ${sha256(row.content)}`;
  return createHmac('sha256', Buffer.from(sealKey, 'hex')).update(words).digest('hex');
}

function findContent(db: Db, hash: string): ContentRow | undefined {
  return db.prepare<ContentRow>(`SELECT ${COLUMNS} FROM contents WHERE hash = ?`).get(hash);
}

function rowOf(hash: string, whole: Buffer, sealKey: string): ContentRow {
  const bytes = whole.length;
  if (bytes <= LIMITS.contentBytes) return { hash, bytes, kept: 'whole', content: whole, seal: '' };
  return sealed({ hash, bytes, kept: 'cut', content: headAndTail(whole, LIMITS.contentBytes), seal: '' }, sealKey);
}

function sealed(row: ContentRow, sealKey: string): ContentRow {
  return { ...row, seal: sealOf(row, sealKey) };
}

function headAndTail(whole: Buffer, bytes: number): Buffer {
  const headEnd = characterStart(whole, bytes / 2);
  const tailStart = characterStart(whole, whole.length - bytes / 2);
  const mark = Buffer.from(`\n[… ${tailStart - headEnd} bytes were not stored …]\n`);
  return Buffer.concat([whole.subarray(0, headEnd), mark, whole.subarray(tailStart)]);
}

/** The last offset at or before `offset` at which a UTF-8 character starts. */
function characterStart(bytes: Buffer, offset: number): number {
  let start = Math.floor(offset);
  while (start > 0 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start;
}
