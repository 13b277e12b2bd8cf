// Owns the packing of a repository: HEAD + uncommitted + untracked files as one bundle. The repository is only read.
import { mkdtempSync } from 'node:fs';
import { access, constants, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import type { PackedRepository } from '../contracts/workspace.ts';
import { PACKED_REF } from './bundle.ts';
import { type BytePath, bytesOf, showPath, toBytePath } from './byte-path.ts';
import { git, type GitCall, GitFailed } from './git.ts';
import { knownPaths } from './known-paths.ts';
import { PACK_PREFIX } from './old-packs.ts';
import { personSettings } from './person.ts';
import { packRemarks } from './remarks.ts';
import { findRepository, readHead, type Repository, treeOfCommit } from './repository.ts';
import { initGitDir, writeBaseCommit } from './trusted-git.ts';
import { changedOnDisk, copyIndex, copyObjects, forget, type IndexEntry, takeIn } from './tracked.ts';
import { type Walked, walkTree } from './walk.ts';

interface PackOrder {
  readonly repo: string;
  readonly bundle: string;
  readonly limits: Limits;
  readonly signal?: AbortSignal;
  /** Where the person's own git settings lie. */
  readonly home?: string;
}

/**
 * Makes `bundle` with one parentless commit. Its tree is what `git add --all` would give: ignored files are left out, tracked ones kept,
 * line ends as .gitattributes says; external filters never run. Throws the `repo_…` codes; `repo_too_large` before anything is copied.
 */
export async function packRepository(order: PackOrder): Promise<PackedRepository> {
  const repository = await findRepository(order.repo);
  const folder = mkdtempSync(join(tmpdir(), PACK_PREFIX));
  try {
    return await packInto(join(folder, 'git'), repository, order);
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    const message = `git cannot read all of ${repository.top}: ${cause.said}`;
    throw new CaissonError('repo_unreadable', message, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function packInto(gitDir: string, repository: Repository, order: PackOrder): Promise<PackedRepository> {
  const { top, objects } = repository;
  const signal = order.signal === undefined ? {} : { signal: order.signal };
  const [head, person] = await Promise.all([
    readHead(repository, order.signal),
    personSettings(repository, order.home ?? homedir()),
  ]);
  await initGitDir(gitDir, { idLength: head.commit.length, bytes: 'convert' });
  await writeFile(join(gitDir, 'info', 'exclude'), person.exclude, 'latin1');
  const own = { gitDir, workTree: top, cwd: top, settings: person.settings, ...signal };
  const reading = { ...own, objects: [objects] };
  const [headTree, entries] = await Promise.all([
    treeOfCommit(head.commit, reading, top),
    copyIndex(repository, head.commit, own, reading),
  ]);
  const walked = await look(entries, own, person.exclude !== '', order, top);
  const { untracked, isHead } = await bringUpToDate({ entries, walked, own, reading, top, headTree });
  const tree = isHead ? headTree : await writeTree(own);
  await writeBundle(tree, order.bundle, reading);
  return {
    bundle: order.bundle,
    head: head.commit,
    branch: head.branch,
    headTree,
    tree,
    files: walked.files.length,
    bytes: walked.files.reduce((sum, file) => sum + file.bytes, 0),
    ...(await countDirty(reading, headTree, tree, untracked)),
    warnings: await packRemarks({ top, entries, walked }),
  };
}

async function look(
  entries: readonly IndexEntry[],
  call: GitCall,
  excluding: boolean,
  { limits }: PackOrder,
  top: string,
): Promise<Walked> {
  return await walkTree({
    top,
    known: await knownPaths(entries),
    call,
    excluding,
    enterNested: false,
    maxFiles: limits.repositoryFiles,
    maxBytes: limits.repositoryBytes,
    tooMuch: (found, limit) =>
      new CaissonError('repo_too_large', `${top} has ${found} that are not ignored; that is the limit ${limit}`),
    onLocked: (path, cause) => Promise.reject(unreadable([path], top, cause)),
    onUnsafe: (path) =>
      new CaissonError('repo_unreadable', `${join(top, showPath(path))} is no file that git could read, or over 1 MiB`),
  });
}

interface Snapshot {
  readonly entries: readonly IndexEntry[];
  readonly walked: Walked;
  readonly own: GitCall;
  readonly reading: GitCall;
  readonly top: string;
  readonly headTree: string;
}

/**
 * The index becomes what is on disk. New objects go into our own directory only. `untracked`: the paths that were not tracked.
 * `isHead`: the index holds the tree of HEAD.
 */
async function bringUpToDate({
  entries,
  walked,
  own,
  reading,
  top,
  headTree,
}: Snapshot): Promise<{ readonly untracked: ReadonlySet<BytePath>; readonly isHead: boolean }> {
  const onDisk = new Set(walked.files.map((file) => file.path));
  const isGone = ({ path, mode, skipped }: IndexEntry) => mode === '160000' || (!skipped && !onDisk.has(path));
  await forget(
    entries.filter(isGone).map((entry) => entry.path),
    own,
  );
  const tracked = new Map(entries.filter((entry) => entry.mode !== '160000').map((entry) => [entry.path, entry]));
  // Both read the index as it is now, so neither waits for the other.
  const [differing, wasHead] = await Promise.all([changedOnDisk(reading), holdsTree(headTree, reading)]);
  const changed = [...differing].filter((path) => onDisk.has(path));
  const untracked = [...onDisk].filter((path) => !tracked.has(path));
  await requireReadable([...changed, ...untracked], top);
  await keepBlobs(
    changed.flatMap((path) => tracked.get(path)?.id ?? []),
    reading,
  );
  const taken = [...changed, ...untracked].sort();
  await takeIn(taken, own);
  return {
    untracked: new Set(untracked),
    isHead: taken.length === 0 ? wasHead : await holdsTree(headTree, reading),
  };
}

async function requireReadable(paths: readonly BytePath[], top: string): Promise<void> {
  const locked: BytePath[] = [];
  for (const path of paths)
    await access(bytesOf(`${toBytePath(top)}/${path}`), constants.R_OK).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EACCES' || error.code === 'EPERM') locked.push(path);
    });
  if (locked.length > 0) throw unreadable(locked, top, undefined);
}

function unreadable(paths: readonly BytePath[], top: string, cause: unknown): CaissonError {
  const names = paths.slice(0, 5).map((path) => join(top, showPath(path)));
  const more = paths.length > names.length ? ` and ${paths.length - names.length} more` : '';
  const message = `these files cannot be read by this user: ${names.join(', ')}${more}`;
  return new CaissonError('repo_unreadable', message, { cause });
}

/**
 * Git decides on line ends by what the index had, so these blobs must be at hand. They are copied: with the person's objects in reach,
 * git would touch their files (their times) when the same content comes again.
 */
async function keepBlobs(ids: readonly string[], reading: GitCall): Promise<void> {
  const wanted = [...new Set(ids)].filter((id) => !/^0+$/.test(id));
  if (wanted.length === 0) return;
  const there = await git(['cat-file', '--batch-check'], { ...reading, stdin: `${wanted.join('\n')}\n` });
  const blobs = there.stdout.split('\n').flatMap((line) => (line.includes(' blob ') ? [line.split(' ')[0]] : []));
  if (blobs.length === 0) return;
  await copyObjects(`${blobs.join('\n')}\n`, reading);
}

async function holdsTree(tree: string, reading: GitCall): Promise<boolean> {
  const words = ['diff-index', '--cached', '--quiet', '--ignore-submodules=all', tree];
  return (await git(words, { ...reading, codes: [0, 1] })).code === 0;
}

async function writeTree(own: GitCall): Promise<string> {
  return (await git(['write-tree', '--missing-ok'], own)).stdout.trim();
}

async function writeBundle(tree: string, bundle: string, reading: GitCall): Promise<void> {
  const gitDir = reading.gitDir ?? '';
  await writeFile(join(gitDir, PACKED_REF), `${await writeBaseCommit(gitDir, tree)}\n`);
  const settings = { ...reading.settings, 'pack.compression': '1' };
  await git(['bundle', 'create', '--quiet', bundle, PACKED_REF], { ...reading, settings });
}

async function countDirty(
  reading: GitCall,
  headTree: string,
  tree: string,
  untracked: ReadonlySet<BytePath>,
): Promise<{ readonly changed: number; readonly untracked: number }> {
  if (tree === headTree) return { changed: 0, untracked: 0 };
  const { stdout } = await git(['diff-tree', '-r', '-z', '--no-renames', '--name-only', headTree, tree], reading);
  const paths = stdout.split('\0').filter((path) => path !== '');
  const fresh = paths.filter((path) => untracked.has(path)).length;
  return { changed: paths.length - fresh, untracked: fresh };
}
