// Owns the copy of a person's index: what is tracked, what differs on disk. Never writes to the person's git directory.
import { copyFile, readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { BytePath } from './byte-path.ts';
import { git, type GitCall, GitFailed } from './git.ts';
import type { TreeEntry } from './known-paths.ts';
import type { Repository } from './repository.ts';

export interface IndexEntry extends TreeEntry {
  /** The person does not have it on disk (sparse checkout) or hides changes of it: it counts as it is in the index. */
  readonly skipped: boolean;
}

/**
 * Puts a copy of the index into the git directory of `own`, or HEAD's tree if there is none. `own` sees no objects of the person, so that
 * no command can renew the times of their files; `reading` does. Rejects with `GitFailed` for an index that git does not understand.
 */
export async function copyIndex(
  repository: Repository,
  head: string,
  own: GitCall,
  reading: GitCall,
): Promise<readonly IndexEntry[]> {
  if (!(await copyFiles(repository.gitDir, own.gitDir ?? ''))) {
    await git(['read-tree', head], reading);
    return await listIndex(own);
  }
  try {
    return await listIndex(own);
  } catch (error) {
    if (!(error instanceof GitFailed)) throw error;
    return await unfold(head, own, reading);
  }
}

/** An index may hold whole directories of a sparse checkout as one entry each: their trees must be at hand to read it. */
async function unfold(head: string, own: GitCall, reading: GitCall): Promise<readonly IndexEntry[]> {
  const words = ['rev-list', '--objects', '--no-object-names', '--filter=blob:none', '--max-count=1', head];
  await copyObjects((await git(words, reading)).stdout, reading);
  const entries = await listIndex(own);
  await rm(join(own.gitDir ?? '', 'index'));
  const lines = entries.map(({ mode, id, path }) => `${mode} ${id}\t${path}\0`).join('');
  await git(['update-index', '-z', '--index-info'], { ...own, stdin: Buffer.from(lines, 'latin1') });
  const skipped = entries.filter((entry) => entry.skipped).map((entry) => entry.path);
  await git(['update-index', '--skip-worktree', '-z', '--stdin'], { ...own, stdin: listOf(skipped) });
  return entries;
}

/** Into our own object directory. `ids`: one a line. */
export async function copyObjects(ids: string, reading: GitCall): Promise<void> {
  const pack = join(reading.gitDir ?? '', 'objects', 'pack', 'pack');
  await git(['pack-objects', '-q', '--window=0', pack], { ...reading, stdin: ids });
}

/** Paths whose content, mode or kind on disk is not what the index says; those that are gone are among them. */
export async function changedOnDisk(call: GitCall): Promise<ReadonlySet<BytePath>> {
  // Exit status 1: something needs an update, which is what is asked.
  await git(['update-index', '-q', '--unmerged', '--really-refresh'], { ...call, codes: [0, 1] });
  const { stdout } = await git(['diff-files', '-z', '--name-only', '--ignore-submodules=all'], call);
  return new Set(stdout.split('\0').filter((path) => path !== ''));
}

/** Takes the paths out, whatever lies on disk. */
export async function forget(paths: readonly BytePath[], call: GitCall): Promise<void> {
  if (paths.length === 0) return;
  await git(['update-index', '--force-remove', '-z', '--stdin'], { ...call, stdin: listOf(paths) });
}

/** Takes the paths in as they are on disk. Each must be a file or a link there. */
export async function takeIn(paths: readonly BytePath[], call: GitCall): Promise<void> {
  if (paths.length === 0) return;
  await git(['update-index', '--add', '--replace', '-z', '--stdin'], { ...call, stdin: listOf(paths) });
}

function listOf(paths: readonly BytePath[]): Buffer {
  return Buffer.from(paths.map((path) => `${path}\0`).join(''), 'latin1');
}

/** The index with its modification time (git takes it to know which entries it must look at again), and the parts it may be split into. */
async function copyFiles(from: string, to: string): Promise<boolean> {
  const names = (await readdir(from)).filter((name) => name === 'index' || name.startsWith('sharedindex.'));
  for (const name of names) {
    const { mtimeMs } = await stat(join(from, name));
    await copyFile(join(from, name), join(to, name));
    const seconds = Math.floor(mtimeMs / 1000);
    await utimes(join(to, name), seconds, seconds);
  }
  return names.includes('index');
}

async function listIndex(call: GitCall): Promise<readonly IndexEntry[]> {
  const { stdout } = await git(['ls-files', '-t', '--stage', '-z'], call);
  const entries = stdout.split('\0').flatMap((line): IndexEntry[] => {
    const [, tag, mode, id, path] = /^(\S) (\d+) ([0-9a-f]+) \d\t(.+)$/s.exec(line) ?? [];
    if (tag === undefined || mode === undefined || id === undefined || path === undefined) return [];
    return [{ path, mode, id, skipped: tag === 'S' }];
  });
  return [...new Map(entries.map((entry) => [entry.path, entry])).values()];
}
