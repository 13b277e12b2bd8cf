// Owns what the failures of SQLite and of the disk mean. Knows no table.
import { CaissonError, type ErrorCode } from '../base/errors.ts';

/** `IOERR_WRITE` and the like: a quota or a file size limit; SQLite says FULL only for ENOSPC. */
const NO_ROOM = [/^SQLITE_FULL$/, /^SQLITE_IOERR_(WRITE|FSYNC|TRUNCATE|SHMSIZE)$/, /^ENOSPC$/, /^EDQUOT$/, /^EFBIG$/];
const BROKEN = [/^SQLITE_CORRUPT/, /^SQLITE_NOTADB$/];
const UNUSABLE = [
  /^SQLITE_(READONLY|CANTOPEN|PERM|IOERR|NOLFS)/,
  /^(EACCES|EPERM|EROFS|ENOTDIR|EEXIST|ENOENT|EISDIR|ELOOP|ENAMETOOLONG)$/,
];

/** The coded error of anything thrown while `what` was done; coded errors pass unchanged. */
export function storeError(error: unknown, what: string): CaissonError {
  if (error instanceof CaissonError) return error;
  const { code = '', message = String(error) } = error as { code?: string; message?: string };
  const why = `${what}: ${message}${code === '' ? '' : ` (${code})`}`;
  return new CaissonError(meaningOf(code), why, { cause: error });
}

function meaningOf(code: string): ErrorCode {
  const among = (patterns: readonly RegExp[]) => patterns.some((pattern) => pattern.test(code));
  if (among(NO_ROOM)) return 'disk_full';
  if (among(BROKEN)) return 'journal_broken';
  if (code === 'SQLITE_BUSY') return 'data_dir_locked';
  return among(UNUSABLE) ? 'data_dir_unusable' : 'internal';
}
