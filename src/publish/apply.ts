// Owns the way from a patch to a new ref in a person's repository. Touches no work tree, no index, no existing ref; runs no hook.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import type { AppliedRef, Origin, Patch } from '../contracts/workspace.ts';
import { git, type GitCall, GitFailed } from '../workspace/git.ts';
import { findRepository } from '../workspace/repository.ts';
import { initGitDir } from '../workspace/trusted-git.ts';
import { importCommit } from './import-commit.ts';
import { createRef, requireFreeRef, requireRefName } from './new-ref.ts';

interface ApplyOrder {
  /** Host path in the work tree of the repository. */
  readonly repo: string;
  readonly origin: Origin;
  readonly patch: Patch;
  /** Full name, as refs/heads/…. */
  readonly ref: string;
  readonly message: string;
  /** Milliseconds since 1970; the same order gives the same commit, so that it can be given twice. */
  readonly time: number;
}

/**
 * Makes `ref` on the recorded base. Throws `repo_changed` (the base is gone), `patch_refused` (the tree would be another one),
 * `ref_exists`, `invalid_input` (the name), and the `repo_…` codes. The same order again, with the ref already there, succeeds.
 */
export async function applyPatch(order: ApplyOrder): Promise<AppliedRef> {
  await requireRefName(order.ref);
  requireWhole(order.patch);
  const { gitDir, objects } = await findRepository(order.repo);
  const folder = await mkdtemp(join(tmpdir(), 'caisson-apply-'));
  try {
    const own: GitCall = { gitDir: join(folder, 'git'), objects: [objects] };
    await initGitDir(join(folder, 'git'), { idLength: order.origin.head.length, bytes: 'keep' });
    await requireBase(own, order);
    const commit = await makeCommit(own, order);
    if (await requireFreeRef(gitDir, order.ref, commit)) {
      await importCommit({ own, commit, base: order.origin.head, into: gitDir });
      await createRef(gitDir, order.ref, commit);
    }
    return describe(order, commit);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requireWhole({ text, hash }: Patch): void {
  if (sha256(text) !== hash)
    throw new CaissonError('patch_refused', `the text of the patch does not have the hash ${hash}`);
  if (text === '')
    throw new CaissonError('patch_refused', 'the patch changes nothing: there is nothing to put on a branch');
}

async function requireBase(own: GitCall, { origin, repo }: ApplyOrder): Promise<void> {
  const words = ['rev-parse', '--verify', '--quiet', `${origin.head}^{tree}`];
  const { stdout } = await git(words, { ...own, codes: [0, 1, 128] });
  if (stdout.trim() !== origin.headTree)
    throw new CaissonError('repo_changed', `${repo} does not hold the commit ${origin.head} that the run began on`);
}

async function makeCommit(own: GitCall, order: ApplyOrder): Promise<string> {
  const { origin, patch } = order;
  const tree = await treeWithPatch(own, order);
  if (origin.tree === origin.headTree && tree !== patch.resultTree)
    throw new CaissonError('patch_refused', `the patch gives the tree ${tree}, but ${patch.resultTree} was checked`);
  const words = ['commit-tree', tree, '-p', origin.head];
  return (await git(words, { ...own, time: order.time, stdin: order.message })).stdout.trim();
}

async function treeWithPatch(own: GitCall, { origin, patch }: ApplyOrder): Promise<string> {
  try {
    await git(['read-tree', origin.head], own);
    const stdin = Buffer.from(patch.text, 'utf8');
    await git(['apply', '--cached', '--whitespace=nowarn', '-'], { ...own, stdin });
    return (await git(['write-tree'], own)).stdout.trim();
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    const message = `the patch does not fit the commit ${origin.head}: ${cause.said}`;
    throw new CaissonError('patch_refused', message, { hint: wayOn(origin), cause });
  }
}

function wayOn(origin: Origin): string {
  return origin.tree === origin.headTree
    ? 'Nothing was applied. Look at it with `caisson diff RUN`.'
    : 'The run began with uncommitted changes that the patch builds on. With them in place: caisson diff RUN | git apply';
}

function describe({ origin, patch, ref }: ApplyOrder, commit: string): AppliedRef {
  const branch = ref.replace(/^refs\/heads\//, '');
  const mixed =
    'the run began with uncommitted changes: the branch has only what the run changed, and it was checked together with them';
  const acting = patch.sensitivePaths.map(
    (path) => `${path} acts on people or machines when it is checked out: read it first`,
  );
  return {
    ref,
    commit,
    base: origin.head,
    checkout: `git switch ${/^[\w./@+-]+$/.test(branch) ? branch : `'${branch.replaceAll("'", String.raw`'\''`)}'`}`,
    warnings: origin.tree === origin.headTree ? acting : [mixed, ...acting],
  };
}
