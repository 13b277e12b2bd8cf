// Owns every call of git on the host: environment from nothing, no hook, filter, monitor or prompt, a deadline. Knows no repository.
import { execa } from 'execa';
import { CaissonError } from '../base/errors.ts';

const DEADLINE_MS = 10 * 60 * 1000;
const OUTPUT_BYTES = 256 * 1024 * 1024;

/** Settings that hold over whatever a repository's own configuration says. */
const SETTINGS: Readonly<Record<string, string>> = {
  'safe.directory': '*',
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.quotePath': 'false',
  'core.untrackedCache': 'false',
  'core.splitIndex': 'false',
  'core.alternateRefsCommand': '',
  'core.sshCommand': '/bin/false',
  'core.pager': 'cat',
  'credential.helper': '',
  'diff.external': '',
  // What is written here is read once: time counts, not space.
  'core.looseCompression': '0',
  'pack.compression': '1',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'fetch.fsckObjects': 'true',
  'submodule.recurse': 'false',
  'protocol.allow': 'never',
  'protocol.file.allow': 'always',
  'init.defaultBranch': 'main',
  'commit.gpgSign': 'false',
};

export interface GitCall {
  /** Directory git runs in; '/' unless given. */
  readonly cwd?: string;
  readonly gitDir?: string;
  readonly workTree?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  readonly signal?: AbortSignal;
  /** Exit codes that are no failure; [0] unless given. */
  readonly codes?: readonly number[];
}

export interface GitDone {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** Rejects with `GitFailed` for an exit code that is not expected, `conflict` when aborted. Output is read as UTF-8. */
export async function git(words: readonly string[], call: GitCall = {}): Promise<GitDone> {
  const bytes = await gitBytes(words, call);
  return { ...bytes, stdout: bytes.stdout.toString('utf8') };
}

/** The same, with standard output as bytes. */
export async function gitBytes(
  words: readonly string[],
  call: GitCall = {},
): Promise<Omit<GitDone, 'stdout'> & { readonly stdout: Buffer }> {
  const done = await execa('git', [...words], {
    cwd: call.cwd ?? '/',
    env: environment(call),
    extendEnv: false,
    reject: false,
    encoding: 'buffer',
    stripFinalNewline: false,
    maxBuffer: OUTPUT_BYTES,
    timeout: DEADLINE_MS,
    forceKillAfterDelay: 1000,
    ...(call.stdin === undefined ? { stdin: 'ignore' as const } : { input: call.stdin }),
    ...(call.signal === undefined ? {} : { cancelSignal: call.signal }),
  });
  const stderr = Buffer.from(done.stderr ?? '').toString('utf8');
  if (done.isCanceled) throw new CaissonError('conflict', 'interrupted');
  const code = done.exitCode ?? -1;
  if (!(call.codes ?? [0]).includes(code)) throw new GitFailed(words, code, stderr || (done.originalMessage ?? ''));
  return { stdout: Buffer.from(done.stdout ?? ''), stderr, code };
}

/** git said no. What that means only the caller knows. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
  readonly stderr: string;
  readonly code: number;

  constructor(words: readonly string[], code: number, stderr: string) {
    super(
      `git ${words.find((word) => !word.startsWith('-')) ?? ''} ended with ${code}: ${stderr.trim().slice(0, 400)}`,
    );
    this.stderr = stderr;
    this.code = code;
  }
}

function environment(call: GitCall): Record<string, string> {
  const names = Object.keys(SETTINGS);
  const settings = names.flatMap((name, index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, SETTINGS[name] ?? ''],
  ]);
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_AUTHOR_NAME: 'Caisson',
    GIT_AUTHOR_EMAIL: 'caisson@localhost',
    GIT_AUTHOR_DATE: '@0 +0000',
    GIT_COMMITTER_NAME: 'Caisson',
    GIT_COMMITTER_EMAIL: 'caisson@localhost',
    GIT_COMMITTER_DATE: '@0 +0000',
    GIT_CONFIG_COUNT: String(names.length),
    ...Object.fromEntries(settings),
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
    ...call.env,
  };
}
