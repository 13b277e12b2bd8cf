// Owns the packing of a repository: HEAD + uncommitted + untracked files as one bundle. The repository is only read.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import type { PackedRepository } from '../contracts/workspace.ts';
import { git, type GitCall, GitFailed } from './git.ts';
import { findRepository, type Repository } from './repository.ts';
import { measureTree } from './measure.ts';
import { initGitDir } from './trusted-git.ts';

export const PACKED_REF = 'refs/heads/base';

/**
 * Makes `bundle` with one parentless commit. Its tree is what a commit of everything would hold: ignored files are left out.
 * Throws the `repo_…` codes; `repo_too_large` before anything is copied.
 */
export async function packRepository(options: {
  readonly repo: string;
  readonly bundle: string;
  readonly limits: Limits;
  readonly signal?: AbortSignal;
}): Promise<PackedRepository> {
  const repository = await findRepository(options.repo);
  const folder = await mkdtemp(join(tmpdir(), 'caisson-pack-'));
  try {
    return await packInto(repository, folder, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function packInto(
  repository: Repository,
  folder: string,
  options: { readonly bundle: string; readonly limits: Limits; readonly signal?: AbortSignal },
): Promise<PackedRepository> {
  const gitDir = join(folder, 'git');
  await initGitDir(gitDir, repository.objects);
  await writeFile(join(gitDir, 'info', 'exclude'), repository.exclude);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const call = { gitDir, workTree: repository.top, cwd: repository.top, ...signal };
  await git(['read-tree', repository.head], call);
  const measured = await measureTree(call, repository.top, options.limits);
  // From here on git must not see the repository's objects: it would renew the times of those that it finds there.
  await rm(join(gitDir, 'objects', 'info', 'alternates'));
  await addEverything(call);
  const links = await dropSubmodules(call);
  const tree = (await git(['write-tree'], call)).stdout.trim();
  const commit = (await git(['commit-tree', tree, '-m', 'base'], call)).stdout.trim();
  await git(['update-ref', PACKED_REF, commit], call);
  await git(['bundle', 'create', '--quiet', options.bundle, PACKED_REF], call);
  const { head, branch, headTree } = repository;
  const dirty = await countDirty(
    { ...call, env: { GIT_ALTERNATE_OBJECT_DIRECTORIES: repository.objects.join(':') } },
    headTree,
    tree,
  );
  return {
    bundle: options.bundle,
    head,
    branch,
    headTree,
    tree,
    files: measured.files,
    bytes: measured.bytes,
    ...dirty,
    warnings: [...links.map((path) => `the submodule ${path} is not included`), ...measured.warnings],
  };
}

async function countDirty(
  call: GitCall,
  headTree: string,
  tree: string,
): Promise<{ readonly changed: number; readonly untracked: number }> {
  if (tree === headTree) return { changed: 0, untracked: 0 };
  const { stdout } = await git(['diff-tree', '-r', '-z', '--no-renames', '--name-status', headTree, tree], call);
  const states = stdout
    .split('\0')
    .filter((_, index) => index % 2 === 0)
    .filter((state) => state !== '');
  const untracked = states.filter((state) => state === 'A').length;
  return { changed: states.length - untracked, untracked };
}

async function addEverything(call: GitCall): Promise<void> {
  try {
    await git(['add', '--all', '--', '.'], call);
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError(
      'repo_missing',
      `a file of the repository cannot be read: ${cause.stderr.trim().slice(0, 300)}`,
      {
        hint: 'Make it readable, or name it in .gitignore.',
        cause,
      },
    );
  }
}

/** A submodule or a nested repository is only a commit id here: its files are not there, so it is left out and told. */
async function dropSubmodules(call: GitCall): Promise<readonly string[]> {
  const { stdout } = await git(['ls-files', '--stage', '-z'], call);
  const links = stdout
    .split('\0')
    .flatMap((line) => (line.startsWith('160000 ') ? [line.slice(line.indexOf('\t') + 1)] : []));
  if (links.length > 0)
    await git(['update-index', '--force-remove', '-z', '--stdin'], { ...call, stdin: `${links.join('\0')}\0` });
  return links;
}
