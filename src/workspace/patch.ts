// Owns the patch: what the agent changed, by content, made from outside when everything inside is dead. Runs nothing of the work tree.
import { isUtf8 } from 'node:buffer';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { HASH_PREFIX, sha256 } from '../base/hash.ts';
import type { Limits } from '../base/limits.ts';
import type { Patch, WorkspacePaths } from '../contracts/workspace.ts';
import { changedFiles } from './changed-files.ts';
import { gitBytes, type GitCall } from './git.ts';
import { secretsOfPatch } from './leaks/of-patch.ts';
import { sensitiveOf } from './sensitive.ts';
import { treeOfWork } from './snapshot.ts';

const DIFF = [
  'diff-tree',
  '-p',
  '--binary',
  '--full-index',
  '--no-renames',
  '--no-ext-diff',
  '--no-textconv',
  '--no-color',
];
const SMALL = 1024 * 1024;
const HINT = 'Look at what the task left behind, or raise limits.patch_bytes.';

/**
 * Must be called when every process of the run is dead. New files that .gitignore names are left out; a changed .gitignore hides no
 * tracked file. The result's objects are in the trusted git directory afterwards. Throws `patch_refused` over a limit.
 */
export async function makePatch(options: {
  readonly paths: WorkspacePaths;
  readonly baseTree: string;
  readonly limits: Limits;
  /** Paths that the site protects beside those that are always told. */
  readonly isProtected?: (path: string) => boolean;
}): Promise<Patch> {
  const { paths, baseTree, limits, isProtected } = options;
  const scratch = await mkdtemp(join(paths.git, 'patch-'));
  try {
    const resultTree = await treeOfWork(paths, baseTree, scratch, limits);
    const { files, paths: names, bytes } = await changedFiles(paths.git, baseTree, resultTree);
    if (bytes > 4 * limits.patchBytes) throw tooLarge(`the changed files have ${bytes} bytes`, limits);
    const text = await patchText({ gitDir: paths.git, base: baseTree, result: resultTree, scratch, limits });
    const sensitivePaths = await sensitiveOf(names, {
      git: paths.git,
      base: baseTree,
      result: resultTree,
      ...(isProtected === undefined ? {} : { isProtected }),
    });
    const secrets = secretsOfPatch(text);
    return { text, hash: await hashOf(text), baseTree, resultTree, files, sensitivePaths, secrets };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The text of the patch from one tree to another. Throws `patch_refused` over the limit. */
export async function diffTrees(order: {
  readonly git: string;
  readonly base: string;
  readonly result: string;
  readonly limits: Limits;
}): Promise<string> {
  const { git: gitDir, base, result, limits } = order;
  const scratch = await mkdtemp(join(gitDir, 'patch-'));
  try {
    return await patchText({ gitDir, base, result, scratch, limits });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Difference {
  readonly gitDir: string;
  readonly base: string;
  readonly result: string;
  readonly scratch: string;
  readonly limits: Limits;
}

/** A text cannot hold bytes that are no UTF-8: the files that have some are written as binary changes, and names are quoted. */
async function patchText(difference: Difference): Promise<string> {
  const plain = await diffBytes(difference, {});
  if (isUtf8(plain)) return plain.toString('utf8');
  const attributes = join(difference.scratch, 'binary');
  await writeFile(attributes, '* -diff\n');
  const quoted = { 'core.quotePath': 'true' };
  const readable = sectionsOf(await diffBytes(difference, quoted));
  const binary = sectionsOf(await diffBytes(difference, { ...quoted, 'core.attributesFile': attributes }));
  return readable.map((section, at) => (isUtf8(section) ? section : (binary[at] ?? section)).toString('utf8')).join('');
}

async function diffBytes(
  { gitDir, base, result, limits }: Difference,
  settings: Record<string, string>,
): Promise<Buffer> {
  const call: GitCall = { gitDir, settings, outputBytes: limits.patchBytes };
  const done = await gitBytes([...DIFF, base, result], call);
  if (done.cut) throw tooLarge('the patch is longer', limits);
  return done.stdout;
}

/** One part for each file. No line of a file's content, as text or as binary, begins like this. */
function sectionsOf(diff: Buffer): readonly Buffer[] {
  const sections: Buffer[] = [];
  for (let at = 0; at < diff.length;) {
    const next = diff.indexOf('\ndiff --git ', at);
    const end = next < 0 ? diff.length : next + 1;
    sections.push(diff.subarray(at, end));
    at = end;
  }
  return sections;
}

/** A long text is hashed beside the thread that serves everybody. */
async function hashOf(text: string): Promise<string> {
  if (text.length < SMALL) return sha256(text);
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(text, 'utf8'));
  return HASH_PREFIX + Buffer.from(digest).toString('hex');
}

function tooLarge(found: string, limits: Limits): CaissonError {
  return new CaissonError('patch_refused', `${found}; the limit of a patch is ${limits.patchBytes} bytes`, {
    hint: HINT,
  });
}
