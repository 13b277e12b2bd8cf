// Owns the beginning of a workspace: a bundle becomes a trusted git directory and a box beside it. Knows no run.
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import type { WorkspacePaths } from '../contracts/workspace.ts';
import { makeBox, type Owner } from './box.ts';
import { git, GitFailed } from './git.ts';
import { PACKED_REF } from './pack.ts';
import { initGitDir } from './trusted-git.ts';

export function workspacePaths(root: string): WorkspacePaths {
  const box = join(root, 'box');
  return { root, box, work: join(box, 'work'), git: join(root, 'git') };
}

/** Throws `bundle_invalid` when the bundle is not one, is damaged, or does not hold the tree; `repo_too_large` over the limit of files. */
export async function prepareWorkspace(options: {
  readonly root: string;
  readonly bundle: string;
  readonly tree: string;
  readonly owner?: Owner;
  readonly limits: Limits;
}): Promise<{ readonly paths: WorkspacePaths; readonly tree: string; readonly files: number }> {
  const paths = workspacePaths(options.root);
  await initGitDir(paths.git);
  await fetchBundle(paths.git, options.bundle);
  const tree = await treeOf(paths.git);
  if (tree !== options.tree)
    throw new CaissonError('bundle_invalid', `the bundle holds the tree ${tree}, but ${options.tree} was announced`);
  const files = await countFiles(paths.git, tree);
  if (files > options.limits.repositoryFiles)
    throw new CaissonError(
      'repo_too_large',
      `the bundle has ${files} files; the limit repository_files is ${options.limits.repositoryFiles}`,
    );
  const owner = options.owner === undefined ? {} : { owner: options.owner };
  await makeBox({ git: paths.git, tree, box: paths.box, ...owner });
  return { paths, tree, files };
}

async function fetchBundle(gitDir: string, bundle: string): Promise<void> {
  try {
    await git(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', bundle, `${PACKED_REF}:${PACKED_REF}`], {
      gitDir,
    });
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('bundle_invalid', `the bundle cannot be read: ${cause.stderr.trim().slice(0, 300)}`, {
      cause,
    });
  }
}

async function treeOf(gitDir: string): Promise<string> {
  return (await git(['rev-parse', '--verify', `${PACKED_REF}^{tree}`], { gitDir })).stdout.trim();
}

async function countFiles(gitDir: string, tree: string): Promise<number> {
  const { stdout } = await git(['ls-tree', '-r', '-z', '--name-only', tree], { gitDir });
  return stdout.split('\0').length - 1;
}
