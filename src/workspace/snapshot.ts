// Owns the tree of a work tree that hostile commands wrote in, taken from outside by content. Runs and follows nothing of it.
import { chmod, readlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import type { WorkspacePaths } from '../contracts/workspace.ts';
import { type BytePath, bytesOf, quote, quotePath, showPath, toBytePath } from './byte-path.ts';
import { git, GitFailed } from './git.ts';
import { knownPaths } from './known-paths.ts';
import { mapInSlices } from './slices.ts';
import { listTree } from './tree.ts';
import { hasExcludes } from './trusted-git.ts';
import { type FoundFile, walkTree } from './walk.ts';

/** Names that git refuses for a symbolic link. */
const NO_LINK = /(?:^|\/)(?:\.gitmodules|gitmod~\d|gi7eba~\d)[ .]*$/i;
const REFUSED_HINT = 'Look at what the task left behind, or give it a smaller part.';

/**
 * New files that .gitignore names are left out; what `base` has counts in any case. Left out as well is what git carries nowhere: special
 * files, and a `.git` at any depth (the files beside it count). `scratch`: an empty directory outside of the box.
 * Throws `patch_refused` over a limit.
 */
export async function treeOfWork(
  paths: WorkspacePaths,
  base: string,
  scratch: string,
  limits: Limits,
): Promise<string> {
  const files = (await look(paths, base, limits)).filter((file) => !isRefusedLink(file));
  files.sort((left, right) => (left.path < right.path ? -1 : 1));
  await unlock(files, paths.work);
  const call = { gitDir: paths.git, cwd: paths.work, index: join(scratch, 'index') };
  try {
    const ids = await hashAll(files, paths, scratch);
    const lines = await mapInSlices(files, (file, at) => [`${modeOf(file)} ${ids[at] ?? ''}\t${file.path}\0`]);
    await git(['update-index', '-z', '--index-info'], { ...call, stdin: Buffer.from(lines.join(''), 'latin1') });
    return (await git(['write-tree'], call)).stdout.trim();
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw refused(`git cannot take the work tree in: ${cause.said}`, cause);
  }
}

/** Git takes in no link of such a name. */
export function isRefusedLink({ link, path }: Pick<FoundFile, 'link' | 'path'>): boolean {
  return link && NO_LINK.test(path);
}

async function look({ git: gitDir, work }: WorkspacePaths, base: string, limits: Limits): Promise<FoundFile[]> {
  const walked = await walkTree({
    top: work,
    known: await knownPaths(await listTree(gitDir, base)),
    call: { gitDir },
    excluding: hasExcludes(gitDir),
    enterNested: true,
    maxFiles: limits.repositoryFiles,
    maxBytes: limits.repositoryBytes,
    tooMuch: (found, limit) => refused(`the work tree has grown to ${found} that are not ignored (${limit})`),
    onLocked: (path) => chmod(hostPath(work, path), 0o700),
    onUnsafe: (path) => refused(`${showPath(path)} is no file that git could read, or over 1 MiB`),
  });
  return [...walked.files];
}

/** A file that its owner may not read says nothing about the content it has. */
async function unlock(files: readonly FoundFile[], work: string): Promise<void> {
  for (const file of files) if (!file.readable) await chmod(hostPath(work, file.path), file.executable ? 0o700 : 0o600);
}

/** Object names in the order of the files; new content is in the trusted git directory afterwards, byte for byte. */
async function hashAll(
  files: readonly FoundFile[],
  paths: WorkspacePaths,
  scratch: string,
): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const targets = new Map<number, string>();
  for (const [at, { link, path }] of files.entries())
    if (link) targets.set(at, await keepTarget(hostPath(paths.work, path), join(scratch, `link-${at}`)));
  const lines = await mapInSlices(files, ({ path }, at) => {
    const target = targets.get(at);
    return [target === undefined ? quote(path) : quotePath(target)];
  });
  const call = { gitDir: paths.git, cwd: paths.work, stdin: `${lines.join('\n')}\n` };
  const { stdout } = await git(['hash-object', '-w', '--no-filters', '--stdin-paths'], call);
  return stdout.split('\n');
}

/** What a link says becomes a file, because git hashes files only. */
async function keepTarget(link: Buffer, file: string): Promise<string> {
  await writeFile(file, await readlink(link, { encoding: 'latin1' }), { encoding: 'latin1', flag: 'wx' });
  return file;
}

function modeOf({ link, executable }: FoundFile): string {
  return link ? '120000' : executable ? '100755' : '100644';
}

function hostPath(work: string, path: BytePath): Buffer {
  return bytesOf(`${toBytePath(work)}/${path}`);
}

function refused(message: string, cause?: unknown): CaissonError {
  return new CaissonError('patch_refused', message, { hint: REFUSED_HINT, cause });
}
