// Owns the way from a patch to a new ref in a person's repository. Touches no work tree, no index, no existing ref; runs no hook.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { AppliedRef, Origin, Patch } from '../contracts/workspace.ts';
import { git, type GitCall, GitFailed } from '../workspace/git.ts';
import { findRepository } from '../workspace/repository.ts';
import { initGitDir } from '../workspace/trusted-git.ts';

const REF = /^refs\/heads\/[^\s~^:?*[\\]+$/;
const NO_REF = '0'.repeat(40);

interface ApplyOrder {
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
 * `ref_exists`. The same order again, with the ref already there, succeeds.
 */
export async function applyPatch(order: ApplyOrder): Promise<AppliedRef> {
  await requireRefName(order.ref);
  const { gitDir, objects } = await findRepository(order.repo);
  const { head } = order.origin;
  await requireBase(gitDir, order);
  const folder = await mkdtemp(join(tmpdir(), 'caisson-apply-'));
  try {
    const own = join(folder, 'git');
    await initGitDir(own, objects);
    const commit = await makeCommit({ gitDir: own }, order);
    await importObjects(own, commit, head, gitDir);
    await makeRef(gitDir, order.ref, commit);
    return {
      ref: order.ref,
      commit,
      base: head,
      checkout: `git switch ${order.ref.replace('refs/heads/', '')}`,
      warnings: warningsOf(order.patch),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function requireRefName(ref: string): Promise<void> {
  const wellFormed = REF.test(ref) && (await git(['check-ref-format', ref], { codes: [0, 1] })).code === 0;
  if (!wellFormed)
    throw new CaissonError('invalid_input', `${ref} is not a name for a branch`, { place: { field: 'branch' } });
}

async function requireBase(gitDir: string, { origin, repo }: ApplyOrder): Promise<void> {
  const { code } = await git(['cat-file', '-e', `${origin.head}^{commit}`], { gitDir, codes: [0, 1, 128] });
  if (code !== 0)
    throw new CaissonError('repo_changed', `${repo} does not hold the commit ${origin.head} that the run began on`);
}

async function makeCommit(call: GitCall, { origin, patch, message, time }: ApplyOrder): Promise<string> {
  await git(['read-tree', origin.head], call);
  try {
    if (patch.text !== '')
      await git(['apply', '--cached', '--whitespace=nowarn', '-'], { ...call, stdin: Buffer.from(patch.text) });
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError(
      'patch_refused',
      `the patch does not fit the commit ${origin.head}: ${cause.stderr.trim().slice(0, 300)}`,
      {
        hint:
          origin.tree === origin.headTree
            ? 'Nothing was applied. Look at it with `caisson diff RUN`.'
            : 'The run began with uncommitted changes that the patch builds on. With them in place: caisson diff RUN | git apply',
        cause,
      },
    );
  }
  const tree = (await git(['write-tree'], call)).stdout.trim();
  if (origin.tree === origin.headTree && tree !== patch.resultTree)
    throw new CaissonError('patch_refused', `the patch gives the tree ${tree}, but ${patch.resultTree} was checked`);
  const date = `@${Math.floor(time / 1000)} +0000`;
  const env = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  const words = ['commit-tree', tree, '-p', origin.head];
  return (await git(words, { ...call, env, stdin: message })).stdout.trim();
}

/** The new objects, as a pack that git itself checks while it reads it in. */
async function importObjects(own: string, commit: string, base: string, gitDir: string): Promise<void> {
  const pack = join(own, 'out');
  const { stdout } = await git(['pack-objects', '--revs', '-q', pack], { gitDir: own, stdin: `${commit}\n^${base}\n` });
  const file = `${pack}-${stdout.trim()}.pack`;
  await git(['unpack-objects', '-q', '--strict'], { gitDir, stdin: await readFile(file) });
}

async function makeRef(gitDir: string, ref: string, commit: string): Promise<void> {
  const there = await git(['rev-parse', '--verify', '--quiet', ref], { gitDir, codes: [0, 1, 128] });
  if (there.stdout.trim() === commit) return;
  if (there.stdout.trim() !== '')
    throw new CaissonError('ref_exists', `${ref} is there already, at ${there.stdout.trim().slice(0, 12)}`);
  try {
    await git(['update-ref', '--no-deref', '-m', 'caisson: apply', ref, commit, NO_REF], { gitDir });
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('ref_exists', `${ref} cannot be made: ${cause.stderr.trim().slice(0, 200)}`, { cause });
  }
}

function warningsOf(patch: Patch): readonly string[] {
  return patch.sensitivePaths.map((path) => `${path} acts on people or machines when it is checked out: read it first`);
}
