// Owns the beginning of a workspace: a bundle becomes a trusted git directory and a box beside it. Knows no run.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import type { WorkspacePaths } from '../contracts/workspace.ts';
import { makeBox, type Owner } from './box.ts';
import { readBundle } from './bundle.ts';
import { showPath } from './byte-path.ts';
import { git, GitFailed } from './git.ts';
import { listTree, type SizedEntry } from './tree.ts';
import { initGitDir } from './trusted-git.ts';

export function workspacePaths(root: string): WorkspacePaths {
  const box = join(root, 'box');
  return { root, box, work: join(box, 'work'), git: join(root, 'git') };
}

export interface Received {
  readonly paths: WorkspacePaths;
  readonly tree: string;
  readonly files: number;
  readonly entries: readonly SizedEntry[];
}

/** The bundle becomes the trusted git directory and a box beside it. Throws as its two parts do. */
export async function prepareWorkspace(
  options: Parameters<typeof receiveBundle>[0] & { readonly owner?: Owner },
): Promise<Received> {
  const received = await receiveBundle(options);
  const { paths, tree } = received;
  const owner = options.owner === undefined ? {} : { owner: options.owner };
  await makeBox({ git: paths.git, tree, box: paths.box, ...owner });
  return received;
}

/**
 * Only the trusted git directory: from then on the tree can be read.
 * Throws `bundle_invalid` when the bundle is not one, is damaged, or does not hold the tree; `repo_too_large` when what it unpacks to
 * is over a limit, before any of it is written out.
 */
export async function receiveBundle(options: {
  readonly root: string;
  readonly bundle: string;
  readonly tree: string;
  readonly limits: Limits;
}): Promise<Received> {
  const paths = workspacePaths(options.root);
  await mkdir(options.root, { recursive: true, mode: 0o711 });
  await initGitDir(paths.git, { idLength: options.tree.length, bytes: 'keep' });
  const commit = await readBundle(paths.git, options.bundle);
  const listing = listTree(paths.git, commit);
  listing.catch(() => {});
  const tree = await treeOf(paths.git, commit);
  if (tree !== options.tree)
    throw new CaissonError('bundle_invalid', `the bundle holds the tree ${tree}, but ${options.tree} was announced`);
  const entries = requireFitting(await listing, options.limits);
  return { paths, tree, files: entries.length, entries };
}

async function treeOf(gitDir: string, commit: string): Promise<string> {
  try {
    return (await git(['rev-parse', '--verify', `${commit}^{tree}`], { gitDir })).stdout.trim();
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('bundle_invalid', 'the reference of the bundle is no commit with a tree', { cause });
  }
}

function requireFitting(entries: readonly SizedEntry[], limits: Limits): readonly SizedEntry[] {
  const link = entries.find((entry) => entry.mode === '160000');
  if (link !== undefined)
    throw new CaissonError('bundle_invalid', `the bundle has a submodule: ${showPath(link.path)}`);
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const { repositoryFiles, repositoryBytes } = limits;
  if (entries.length > repositoryFiles) throw tooLarge(`${entries.length} files`, 'repository_files', repositoryFiles);
  if (bytes > repositoryBytes) throw tooLarge(`${bytes} bytes`, 'repository_bytes', repositoryBytes);
  return entries;
}

function tooLarge(found: string, name: string, limit: number): CaissonError {
  return new CaissonError('repo_too_large', `the bundle unpacks to ${found}; the limit ${name} is ${limit}`);
}
