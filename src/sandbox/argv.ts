// Owns the exact command line and environment of a launch. Knows no process.
import type { SandboxLimits } from '../contracts/executor.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';

/** Records between the host and the inside. */
export const CONTROL_FD = 3;
/** The channel that the listening socket goes out by; only in the launch of a sandbox with a network. */
export const LISTENER_FD = 4;
/** Where the output of commands goes; made inside from the standard output. */
export const OUTPUT_FD = 5;

export interface LaunchPlan {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * HOME is the root of the box, which is read-only: firejail may start the program through the user's login shell, and that shell reads
 * its start-up files (bash, when its standard input is a socket) before the program can be asked anything. The program sets HOME itself.
 * `program` runs inside, with the control channel kept open.
 */
export function launchPlan(
  given: {
    readonly profile: string;
    readonly box: string;
    readonly limits: SandboxLimits;
    readonly program: readonly string[];
    readonly inContainer: boolean;
    /** Of a sandbox with a network: its variables. */
    readonly network?: Readonly<Record<string, string>>;
  },
  setup: Pick<SandboxSetup, 'user' | 'firejail' | 'toolchains'>,
): LaunchPlan {
  const user = commandUser(setup);
  const inside = insidePaths(user);
  const { limits } = given;
  const argv = [
    'prlimit',
    `--data=${limits.processMemoryBytes}`,
    '--core=0',
    setup.firejail ?? 'firejail',
    `--profile=${given.profile}`,
    `--private=${given.box}`,
    `--private-cwd=${inside.work}`,
    `--env=HOME=${inside.root}`,
    '--oom=1000',
    `--rlimit-nproc=${limits.processes}`,
    `--rlimit-nofile=${limits.openFiles}`,
    `--rlimit-fsize=${limits.fileBytes}`,
    `--rlimit-cpu=${limits.cpuSeconds}`,
    `--keep-fd=${CONTROL_FD}`,
    ...(given.network === undefined ? [] : [`--keep-fd=${LISTENER_FD}`]),
    '--',
    ...given.program,
  ];
  const env = environment(user.name, inside.root, pathOf(inside.bin, setup), given.inContainer);
  return { argv, env: { ...given.network, ...env } };
}

/**
 * A program of ours in a sandbox that runs, with its filters and the same limits: what is inside may get hold of it. `pid`: first process
 * of the sandbox.
 */
export function joinPlan(
  given: {
    readonly pid: number;
    readonly limits: SandboxLimits;
    readonly program: readonly string[];
    readonly inContainer: boolean;
  },
  setup: Pick<SandboxSetup, 'user' | 'firejail' | 'toolchains'>,
): LaunchPlan {
  const user = commandUser(setup);
  const { root, bin } = insidePaths(user);
  const { limits, pid, program } = given;
  const argv = [
    'prlimit',
    `--data=${limits.processMemoryBytes}`,
    `--nofile=${limits.openFiles}`,
    `--fsize=${limits.fileBytes}`,
    '--core=0',
    setup.firejail ?? 'firejail',
    '--quiet',
    `--join=${pid}`,
    '--',
    ...program,
  ];
  return { argv, env: environment(user.name, root, pathOf(bin, setup), given.inContainer) };
}

/** The host's own first, so that what it has is used. */
function pathOf(bin: string, { toolchains = [] }: Pick<SandboxSetup, 'toolchains'>): string {
  const ofSite = toolchains.map((folder) => `:${folder}/bin`).join('');
  return `/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin${ofSite}:${bin}`;
}

/** From nothing: what a command needs and no more. Firejail looks for `container` before it starts inside one. */
function environment(name: string, home: string, path: string, inContainer: boolean): Record<string, string> {
  return {
    PATH: path,
    HOME: home,
    USER: name,
    LOGNAME: name,
    SHELL: '/bin/bash',
    LANG: 'C.UTF-8',
    TERM: 'dumb',
    TMPDIR: '/tmp',
    CI: '1',
    NO_COLOR: '1',
    PAGER: 'cat',
    GIT_PAGER: 'cat',
    GIT_TERMINAL_PROMPT: '0',
    ...(inContainer ? { container: 'docker' } : {}),
  };
}
