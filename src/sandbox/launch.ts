// Owns the start of one firejail and its pipes. Knows no command and no verdict.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { OpenSandbox } from '../contracts/executor.ts';
import { CONTROL_FD, launchPlan, STDIN_FD } from './argv.ts';
import { openPipe } from './pipe.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';
import { SHELL_SCRIPT } from './shell-script.ts';

export interface Exit {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Set when nothing was started. */
  readonly error?: NodeJS.ErrnoException;
}

/** A started sandbox. Its process group has the id of its first process. */
export interface Launched {
  readonly pid: number;
  readonly control: Duplex;
  readonly stdin: Writable;
  /** Standard output and error of the commands, in the order they came. */
  readonly output: Readable;
  /** What firejail itself says; the first 2 kB. */
  complaint(): string;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
}

const COMPLAINT_BYTES = 2048;
const BASH = ['bash', '--noprofile', '--norc', '-c', SHELL_SCRIPT, 'caisson'] as const;

/** Does not throw: a program that is missing comes as `exited` with its error. `start`: directory inside to begin in. */
export async function launch(
  request: OpenSandbox,
  start: string,
  profile: string,
  setup: SandboxSetup,
): Promise<Launched> {
  const pipe = await openPipe();
  const inside = insidePaths(commandUser(setup));
  const program = [...BASH, setup.canary, inside.root, start];
  const plan = launchPlan(
    { profile, box: request.box, limits: request.limits, program, inContainer: isInContainer() },
    setup,
  );
  const [file = '', ...args] = plan.argv;
  const as = setup.user === undefined ? {} : { uid: setup.user.uid, gid: setup.user.gid };
  const child = spawn(file, args, {
    cwd: '/',
    env: plan.env,
    detached: true,
    stdio: ['pipe', pipe.writeFd, 'pipe', 'pipe', 'pipe'],
    ...as,
  });
  pipe.closeWriter();
  return launchedOf(child, pipe.reader);
}

function launchedOf(child: ChildProcess, output: Readable): Launched {
  const control = child.stdio[CONTROL_FD] as Duplex;
  const stdin = child.stdio[STDIN_FD] as Writable;
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_BYTES);
  });
  for (const stream of [control, stdin, output, child.stdin, child.stderr]) stream?.on('error', () => {});
  let over = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once('error', (error) => {
      over = true;
      resolve({ code: undefined, signal: undefined, error });
    });
    child.once('exit', (code, signal) => {
      over = true;
      resolve({ code: code ?? undefined, signal: signal ?? undefined });
    });
  });
  return {
    pid: child.pid ?? 0,
    control,
    stdin,
    output,
    complaint: () => complaint.trim(),
    exited,
    hasExited: () => over,
  };
}

/** In a container firejail must be told so, or it takes the container for a sandbox and starts the command without one. */
export function isInContainer(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv');
}
