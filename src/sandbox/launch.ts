// Owns the start of one firejail and its pipes. Knows no command and no verdict.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Duplex, Readable } from 'node:stream';
import type { OpenSandbox } from '../contracts/executor.ts';
import { CONTROL_FD, launchPlan, type LaunchPlan } from './argv.ts';
import type { Exit } from './exit.ts';
import { openPipe, type OutputPipe } from './pipe.ts';
import type { SandboxNetwork } from './network/networking.ts';
import type { ProfileFile } from './profile.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';
import { GUARD_SCRIPT, LIVE_SCRIPT } from './shell-script.ts';

/** A started sandbox. Its process group has the id of its first process. */
export interface Launched {
  readonly pid: number;
  readonly child: ChildProcess;
  readonly control: Duplex;
  /** Standard output and error of the commands, in the order they came. */
  readonly output: Readable;
  /** What firejail itself says; the first 2 kB. */
  complaint(): string;
  readonly exited: Promise<Exit>;
  hasExited(): boolean;
}

const COMPLAINT_BYTES = 2048;
const GUARD = ['bash', '--noprofile', '--norc', '-c', GUARD_SCRIPT, 'caisson'] as const;

/** Does not throw for a program that is missing: that comes as `exited` with its error. `start`: directory inside to begin in. */
export async function launch(
  request: OpenSandbox,
  start: string,
  profile: ProfileFile,
  setup: SandboxSetup,
  network?: SandboxNetwork,
): Promise<Launched> {
  const listen = network === undefined ? [] : [network.script];
  const { box, limits } = request;
  const { root } = insidePaths(commandUser(setup));
  const program = [...GUARD, setup.canary, root, start, box, LIVE_SCRIPT, ...listen];
  const given = { profile: profile.path, box, limits, program, inContainer: isInContainer() };
  const plan = launchPlan(network === undefined ? given : { ...given, network: network.environment }, setup);
  const pipe = await openPipe(profile.folder);
  const child = startFirejail(plan, pipe, setup, network !== undefined);
  pipe.closeWriter();
  return launchedOf(child, pipe.reader);
}

function startFirejail(
  { argv, env }: LaunchPlan,
  pipe: OutputPipe,
  { user }: SandboxSetup,
  hasNetwork: boolean,
): ChildProcess {
  const [file = '', ...args] = argv;
  try {
    // The standard input is never written to: that it closes tells the inside that the service is gone.
    return spawn(file, args, {
      cwd: '/',
      env,
      detached: true,
      stdio: ['pipe', pipe.writeFd, 'pipe', 'pipe', ...(hasNetwork ? ['ipc' as const] : [])],
      ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
    });
  } catch (error) {
    pipe.discard();
    throw error;
  }
}

function launchedOf(child: ChildProcess, output: Readable): Launched {
  const control = child.stdio[CONTROL_FD] as Duplex;
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, COMPLAINT_BYTES);
  });
  for (const stream of [control, output, child.stdin, child.stderr]) stream?.on('error', () => {});
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
    child,
    control,
    output,
    complaint: () => complaint.trim(),
    exited,
    hasExited: () => over,
  };
}

/**
 * Firejail takes a process namespace without the kernel's threads for a sandbox and starts the command without one, unless it is told
 * that this is a container.
 */
export function isInContainer(): boolean {
  return existsSync('/.dockerenv') || existsSync('/run/.containerenv') || !seesKernelThreads();
}

function seesKernelThreads(): boolean {
  try {
    return readFileSync('/proc/2/comm', 'utf8').trim() === 'kthreadd';
  } catch {
    return false;
  }
}
