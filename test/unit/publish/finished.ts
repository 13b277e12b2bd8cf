// Owns a run that has ended with a patch, as applying needs it, without a run.
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { LIMITS } from '../../../src/base/limits.ts';
import { makePatch } from '../../../src/workspace/patch.ts';
import { prepareWorkspace } from '../../../src/workspace/prepare.ts';
import { makeRepo, pack, tempDir, write } from '../workspace/repos.ts';

type Files = Readonly<Record<string, string | Buffer>>;

export const REF = 'refs/heads/caisson/fix';

/** `changes`: what the agent wrote. `dirty`: what was uncommitted before. `shape`: turns the plain repository into the one worked on. */
export async function finished(
  t: TestContext,
  changes: Files,
  how: { readonly dirty?: Files; readonly shape?: (repo: string, root: string) => string } = {},
) {
  const root = tempDir(t);
  const plain = makeRepo(join(root, 'repo'), { 'a.txt': 'one\ntwo\nthree\n', 'b.txt': 'b\n' });
  const repo = how.shape?.(plain, root) ?? plain;
  write(repo, how.dirty ?? {});
  const packed = await pack(repo, root);
  const { head, branch, headTree, tree, bundle } = packed;
  const { paths } = await prepareWorkspace({ root: join(root, 'run'), bundle, tree, limits: LIMITS });
  write(paths.work, changes);
  const patch = await makePatch({ paths, baseTree: tree, limits: LIMITS });
  const origin = { head, branch, headTree, tree };
  const order = { repo, origin, patch, ref: REF, message: 'mend a\n', time: 1_700_000_000_000 };
  return { root, repo, order };
}
