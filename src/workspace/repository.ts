// Owns the reading of a person's repository: where it is, what HEAD is. Treats its configuration as hostile. Writes nothing.
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { git, type GitCall, GitFailed } from './git.ts';
import { readPlainFileNow } from './plain-file.ts';

export interface Repository {
  /** Absolute path of the top of the work tree: the directory that holds `.git`, whatever core.worktree says. */
  readonly top: string;
  readonly gitDir: string;
  /** The git directory that linked work trees share; the same as `gitDir` otherwise. */
  readonly common: string;
  /** Its object directory. */
  readonly objects: string;
}

export interface Head {
  readonly commit: string;
  /** '' if HEAD is detached. */
  readonly branch: string;
}

const POINTER_BYTES = 8192;
const CONFIG_BYTES = 256 * 1024;
/** Settings and references are read at once, or something there blocks on purpose. */
const DEADLINE_MS = 20_000;

/**
 * A path inside a work tree stands for the whole of it. Looks at once: the processes of git that follow then start before the imports of
 * a command hold everything up. Throws `repo_missing`, `repo_not_git` or `repo_bare`.
 */
export async function findRepository(path: string): Promise<Repository> {
  const at = resolve(path);
  requireDirectory(at);
  if (isGitDir(at))
    throw new CaissonError('repo_bare', `${at} is a git directory (a bare repository): it has no work tree`);
  const { dev } = statSync(at);
  for (let top = at; ; top = dirname(top)) {
    const gitDir = statSync(top).dev === dev ? gitDirOf(top) : undefined;
    if (gitDir !== undefined) return await describe(top, gitDir);
    if (top === dirname(top)) throw new CaissonError('repo_not_git', `${at} is not in a git repository`);
  }
}

/** Reads references, no objects. Throws `repo_empty`, `repo_unreadable`. */
export async function readHead({ top, gitDir }: Repository, signal?: AbortSignal): Promise<Head> {
  const call: GitCall = { gitDir, codes: [0, 1], ...(signal === undefined ? {} : { signal }) };
  const [id, symbolic] = await Promise.all([
    ask(['rev-parse', '--verify', '--quiet', 'HEAD'], call, top),
    symbolicHead(gitDir, call, top),
  ]);
  if (id === '') throw new CaissonError('repo_empty', `${top} has no commit yet`);
  return { commit: id, branch: Buffer.from(symbolic.replace(/^refs\/heads\//, ''), 'latin1').toString('utf8') };
}

/** The full name that HEAD stands for; '' if it is detached. Only the newer form of reference store must be asked for it. */
async function symbolicHead(gitDir: string, call: GitCall, top: string): Promise<string> {
  const text = readPlainFileNow(join(gitDir, 'HEAD'), POINTER_BYTES)?.toString('latin1') ?? '';
  const [, name] = /^ref: (refs\/heads\/[^\s]+)\n?$/.exec(text) ?? [];
  return name === undefined || name.endsWith('/.invalid') ? ask(['symbolic-ref', '--quiet', 'HEAD'], call, top) : name;
}

/** The tree of a commit, read in a git directory of ours. Throws `repo_unreadable` when the objects are not there. */
export async function treeOfCommit(commit: string, call: GitCall, top: string): Promise<string> {
  return await ask(['rev-parse', '--verify', `${commit}^{tree}`], call, top);
}

/** What git says about a person's repository, trimmed. Throws `repo_unreadable` in git's words. */
async function ask(words: readonly string[], call: GitCall, top: string): Promise<string> {
  try {
    return (await git(words, { ...call, deadlineMs: DEADLINE_MS })).stdout.trim();
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('repo_unreadable', `git cannot read ${top}: ${cause.said}`, { cause });
  }
}

function requireDirectory(at: string): void {
  const info = orMissing(
    () => statSync(at),
    ({ code }) => `${at}: ${code === 'EACCES' ? 'permission denied' : 'there is nothing there'}`,
  );
  if (!info.isDirectory()) throw new CaissonError('repo_missing', `${at} is a file, not a directory`);
  orMissing(
    () => accessSync(at, constants.R_OK | constants.X_OK),
    () => `${at} cannot be read by this user`,
  );
}

function orMissing<Value>(look: () => Value, words: (cause: NodeJS.ErrnoException) => string): Value {
  try {
    return look();
  } catch (cause) {
    throw new CaissonError('repo_missing', words(cause as NodeJS.ErrnoException), { cause });
  }
}

async function describe(top: string, gitDir: string): Promise<Repository> {
  const shared = readPlainFileNow(join(gitDir, 'commondir'), POINTER_BYTES)?.toString('utf8');
  const common = shared === undefined ? gitDir : resolve(gitDir, shared.trimEnd());
  if (shared === undefined && (await isBare(gitDir, top)))
    throw new CaissonError('repo_bare', `${top} is a bare repository: it has no work tree`);
  return { top, gitDir, common, objects: join(common, 'objects') };
}

/** git is asked only where its configuration could say so: every process stands between a person and the first answer. */
async function isBare(gitDir: string, top: string): Promise<boolean> {
  const text = readPlainFileNow(join(gitDir, 'config'), CONFIG_BYTES)?.toString('latin1');
  if (text !== undefined && !/include|bare(?! = false\n)/i.test(text)) return false;
  const call = { gitDir, codes: [0, 1] };
  return (await ask(['config', '--type=bool', '--get', 'core.bare'], call, top)) === 'true';
}

/** The git directory of a work tree whose top this is: `.git` itself, or where a file of that name points. */
function gitDirOf(top: string): string | undefined {
  const path = join(top, '.git');
  if (!existsSync(path)) return undefined;
  if (statSync(path).isDirectory()) return isGitDir(path) ? path : undefined;
  const pointer = readPlainFileNow(path, POINTER_BYTES)?.toString('utf8') ?? '';
  const [, target] = /^gitdir: (.+?)\n*$/s.exec(pointer) ?? [];
  const dir = target === undefined ? undefined : resolve(top, target);
  return dir !== undefined && isGitDir(dir) ? dir : undefined;
}

function isGitDir(dir: string): boolean {
  const there = (name: string) => existsSync(join(dir, name));
  return there('HEAD') && (there('commondir') || (there('objects') && there('refs')));
}
