// Owns the walk over a work tree when everything in it is dead: nothing too large or unreadable, no nested repository. Follows no link.
import { chmod, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import { removeTree } from './remove.ts';

/**
 * A `.git` below the top would make git take the directory for a repository of its own and leave its files out: it is removed.
 * Throws `patch_refused` when the files are more than a repository may have.
 */
export async function surveyWork(work: string, limits: Limits): Promise<void> {
  const seen = { files: 0, bytes: 0 };
  await walk(work, true, seen, limits);
}

async function walk(dir: string, top: boolean, seen: { files: number; bytes: number }, limits: Limits): Promise<void> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(async () => {
    await chmod(dir, 0o700);
    return readdir(dir, { withFileTypes: true });
  });
  for (const entry of entries) {
    const path = join(dir, entry.name);
    if (entry.name === '.git') {
      if (!top) await removeTree(path);
      continue;
    }
    if (entry.isDirectory()) await walk(path, false, seen, limits);
    else if (entry.isFile()) await countFile(path, seen, limits);
  }
}

async function countFile(path: string, seen: { files: number; bytes: number }, limits: Limits): Promise<void> {
  const { size, mode } = await lstat(path);
  seen.files += 1;
  seen.bytes += size;
  if ((mode & 0o400) === 0) await chmod(path, mode | 0o400);
  if (seen.files > limits.repositoryFiles || seen.bytes > limits.repositoryBytes)
    throw new CaissonError(
      'patch_refused',
      `the work tree has grown over ${limits.repositoryFiles} files or ${limits.repositoryBytes} bytes`,
      { hint: 'The task left too much behind; give it a smaller part, or raise the limits.' },
    );
}
