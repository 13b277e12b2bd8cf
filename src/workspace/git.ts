// Owns every call of git on the host: environment from nothing, no hook, filter, monitor or prompt, a deadline. Knows no repository.
import { CaissonError } from '../base/errors.ts';
import { quotePath } from './byte-path.ts';
import { killGroup, startProgram } from './program.ts';

const DEADLINE_MS = 10 * 60 * 1000;
const OUTPUT_BYTES = 256 * 1024 * 1024;

/** Hold over whatever a repository's own configuration says. Given as words, because git before 2.31 reads none from its environment. */
const SETTINGS: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  'core.fsmonitor': 'false',
  'core.attributesFile': '/dev/null',
  'core.excludesFile': '/dev/null',
  'core.autocrlf': 'false',
  'core.safecrlf': 'false',
  'core.quotePath': 'false',
  'core.untrackedCache': 'false',
  'core.splitIndex': 'false',
  'core.sshCommand': '/bin/false',
  'core.pager': 'cat',
  'core.bigFileThreshold': '64m',
  // What is written here is read once: time counts, not space.
  'core.looseCompression': '0',
  'pack.compression': '1',
  'credential.helper': '',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'submodule.recurse': 'false',
  'protocol.allow': 'never',
};
const FIXED_WORDS = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

export interface GitCall {
  /** Always given where a repository is meant: git looks for none by itself. */
  readonly gitDir?: string;
  readonly workTree?: string;
  /** Directory git runs in; '/' unless given. */
  readonly cwd?: string;
  readonly index?: string;
  /** Object directories to read from beside the own one. */
  readonly objects?: readonly string[];
  /** Settings of this call beside the fixed ones. */
  readonly settings?: Readonly<Record<string, string>>;
  /** With it, git reads a person's own settings below this home directory. For `git config` only, which acts on none. */
  readonly home?: string;
  /** Milliseconds since 1970 of a commit; 0 unless given. */
  readonly time?: number;
  /** Text, bytes, or an open file that is read from where it stands. */
  readonly stdin?: string | Uint8Array | number;
  readonly signal?: AbortSignal;
  /** git and all it started are killed by then; 10 minutes unless given. */
  readonly deadlineMs?: number;
  /** Exit codes that are no failure; [0] unless given. */
  readonly codes?: readonly number[];
  /** More output than this ends git; 256 MiB unless given. */
  readonly outputBytes?: number;
}

export interface GitBytes {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly code: number;
  /** The output went over its limit; `stdout` is its beginning. */
  readonly cut: boolean;
}

export type GitText = Omit<GitBytes, 'stdout'> & { readonly stdout: string };

/** Output as text in which each character is one byte, because names may be any bytes. Rejects like `gitBytes`; also when cut. */
export async function git(words: readonly string[], call: GitCall = {}): Promise<GitText> {
  const done = await gitBytes(words, call);
  if (done.cut) throw new GitFailed(words, done.code, 'it printed more than is read');
  return { ...done, stdout: done.stdout.toString('latin1') };
}

/** Rejects with `GitFailed` for an exit code that is not expected, `conflict` when aborted, `disk_full`. */
export async function gitBytes(words: readonly string[], call: GitCall = {}): Promise<GitBytes> {
  const program = startProgram('git', [...wordsFor(call), ...words], {
    cwd: call.cwd ?? '/',
    env: environment(call),
    outputBytes: call.outputBytes ?? OUTPUT_BYTES,
    ...(call.stdin === undefined ? {} : { stdin: call.stdin }),
  });
  const end = watch(program.pid, call);
  const done = await program.ended;
  end.stop();
  const { stderr, code, cut } = done;
  if (end.why() === 'aborted') throw new CaissonError('conflict', 'interrupted');
  if (end.why() === 'late') throw new GitFailed(words, code, 'it did not end in time');
  if (/No space left on device/.test(stderr)) throw new CaissonError('disk_full', `git: ${stderr.slice(0, 200)}`);
  if (!cut && !(call.codes ?? [0]).includes(code)) throw new GitFailed(words, code, stderr);
  return done;
}

/** git said no. What that means only the caller knows. */
export class GitFailed extends Error {
  override readonly name = 'GitFailed';
  /** What git said, one line, cut. */
  readonly said: string;
  readonly code: number;

  constructor(words: readonly string[], code: number, stderr: string) {
    const said = stderr
      .trim()
      .replaceAll(/\s*\n\s*/g, '; ')
      .slice(0, 400);
    super(`git ${words.find((word) => !word.startsWith('-')) ?? ''} ended with ${code}: ${said}`);
    this.said = said;
    this.code = code;
  }
}

/** git and everything it started: one process group. */
function watch(pid: number | undefined, { signal, deadlineMs = DEADLINE_MS }: GitCall) {
  let why: 'aborted' | 'late' | undefined;
  const kill = (reason: 'aborted' | 'late') => {
    why ??= reason;
    killGroup(pid);
  };
  const onAbort = () => kill('aborted');
  const timer = setTimeout(() => kill('late'), deadlineMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  const stop = () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  };
  return { stop, why: () => why };
}

function wordsFor({ home, settings = {} }: GitCall): readonly string[] {
  if (home !== undefined) return [];
  return [...FIXED_WORDS, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

function environment(call: GitCall): Record<string, string> {
  const date = `@${Math.floor((call.time ?? 0) / 1000)} +0000`;
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_NO_LAZY_FETCH: '1',
    GIT_AUTHOR_NAME: 'Caisson',
    GIT_AUTHOR_EMAIL: 'caisson@localhost',
    GIT_AUTHOR_DATE: date,
    GIT_COMMITTER_NAME: 'Caisson',
    GIT_COMMITTER_EMAIL: 'caisson@localhost',
    GIT_COMMITTER_DATE: date,
    ...settingsFiles(call.home),
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
    ...(call.index === undefined ? {} : { GIT_INDEX_FILE: call.index }),
    ...(call.objects === undefined ? {} : { GIT_ALTERNATE_OBJECT_DIRECTORIES: call.objects.map(quotePath).join(':') }),
  };
}

function settingsFiles(home: string | undefined): Record<string, string> {
  if (home !== undefined) return { HOME: home };
  return { HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };
}
