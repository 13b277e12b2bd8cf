// Owns the copy of a person's index: what is tracked, what differs on disk. Never writes to the person's git directory.
import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BytePath } from './byte-path.ts';
import { git, type GitCall } from './git.ts';
import type { TreeEntry } from './known-paths.ts';
import { readPlainFile } from './plain-file.ts';
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
  const copied = await copyFiles(repository.gitDir, own.gitDir ?? '');
  if (copied === 'none') await git(['read-tree', head], reading);
  if (copied === 'folded') return await unfold(head, own, reading);
  return await listIndex(own);
}

/** Whole directories of a sparse checkout may be one entry each. Without their trees at hand git would take them for empty. */
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

const INDEX_BYTES = 512 * 1024 * 1024;
const FOLDED = 'sdir\0\0\0\0';

/** The index with its modification time (git takes it to know which entries it must look at again), and the parts it may be split into. */
async function copyFiles(from: string, to: string): Promise<'none' | 'plain' | 'folded'> {
  const names = (await readdir(from)).filter((name) => name === 'index' || name.startsWith('sharedindex.'));
  let [copied, folded] = [false, false];
  for (const name of names) {
    const { mtimeMs } = await stat(join(from, name));
    const content = await readPlainFile(join(from, name), INDEX_BYTES);
    if (content === undefined) continue;
    await writeFile(join(to, name), content);
    const seconds = Math.floor(mtimeMs / 1000);
    await utimes(join(to, name), seconds, seconds);
    copied ||= name === 'index';
    folded ||= content.includes(FOLDED);
  }
  if (!copied) return 'none';
  return folded ? 'folded' : 'plain';
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
