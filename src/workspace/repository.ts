// Owns the reading of a person's repository: where it is, what HEAD is. Treats its configuration as hostile. Writes nothing.
import { access, constants, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { git, GitFailed } from './git.ts';

export interface Repository {
  /** Absolute path of the top of the work tree. */
  readonly top: string;
  readonly gitDir: string;
  /** Object directories to read from: its own and its alternates. */
  readonly objects: readonly string[];
  readonly head: string;
  /** '' if HEAD is detached. */
  readonly branch: string;
  readonly headTree: string;
  /** Content of info/exclude, '' if there is none. */
  readonly exclude: string;
}

/** Throws `repo_missing`, `repo_not_git`, `repo_bare` or `repo_empty`. A path inside a work tree stands for the whole of it. */
export async function findRepository(path: string): Promise<Repository> {
  const at = resolve(path);
  await requireDirectory(at);
  const [bare, gitDir, common, top] = await places(at);
  if (bare === 'true' || top === undefined || gitDir === undefined || common === undefined)
    throw new CaissonError('repo_bare', `${at} is a bare repository: it has no work tree`);
  const head = await headOf(gitDir, at);
  const [branch, headTree] = await Promise.all([
    git(['symbolic-ref', '--quiet', '--short', 'HEAD'], { gitDir, codes: [0, 1] }),
    git(['rev-parse', '--verify', `${head}^{tree}`], { gitDir }).catch(() => undefined),
  ]);
  if (headTree === undefined)
    throw new CaissonError(
      'repo_not_git',
      `${at}: the commit ${head} is incomplete (a partial clone or a damaged repository)`,
    );
  const exclude = await readFile(join(common, 'info', 'exclude'), 'utf8').catch(() => '');
  return {
    top,
    gitDir,
    objects: [join(common, 'objects')],
    head,
    branch: branch.stdout.trim(),
    headTree: headTree.stdout.trim(),
    exclude,
  };
}

async function requireDirectory(at: string): Promise<void> {
  const info = await stat(at).catch((cause: NodeJS.ErrnoException) => {
    throw new CaissonError(
      'repo_missing',
      `${at}: ${cause.code === 'EACCES' ? 'permission denied' : 'there is nothing there'}`,
      { cause },
    );
  });
  if (!info.isDirectory()) throw new CaissonError('repo_missing', `${at} is not a directory`);
  await access(at, constants.R_OK | constants.X_OK).catch((cause: unknown) => {
    throw new CaissonError('repo_missing', `${at} cannot be read by this user`, { cause });
  });
}

async function places(at: string): Promise<readonly (string | undefined)[]> {
  const words = [
    'rev-parse',
    '--is-bare-repository',
    '--absolute-git-dir',
    '--path-format=absolute',
    '--git-common-dir',
  ];
  try {
    const { stdout } = await git(words, { cwd: at });
    const [bare, gitDir, common] = stdout.split('\n');
    if (bare === 'true') return [bare];
    const top = await git(['rev-parse', '--show-toplevel'], { cwd: at });
    return [bare, gitDir, common, top.stdout.replace(/\n$/, '')];
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    if (/must be run in a work tree/.test(cause.stderr)) return ['true'];
    if (/not a git repository/.test(cause.stderr))
      throw new CaissonError('repo_not_git', `${at} is not in a git repository`, { cause });
    throw new CaissonError('repo_not_git', `${at}: git cannot read it: ${cause.stderr.trim().slice(0, 200)}`, {
      cause,
    });
  }
}

async function headOf(gitDir: string, at: string): Promise<string> {
  const { stdout, code } = await git(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], {
    gitDir,
    codes: [0, 1, 128],
  });
  const head = stdout.trim();
  if (code !== 0 || head === '') throw new CaissonError('repo_empty', `${at} has no commit yet`);
  if (head.length !== 40)
    throw new CaissonError(
      'repo_not_git',
      `${at} uses ${head.length * 4}-bit object names: only SHA-1 repositories are supported`,
    );
  return head;
}
