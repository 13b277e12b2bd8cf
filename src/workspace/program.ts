// Owns one run of a program of the host to its end: its output up to a limit, its exit code. Knows no git. It stands on the start path
// of every command, where a library for it would cost more than the programs that it starts.
import { spawn } from 'node:child_process';

export interface ProgramCall {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Text, bytes, or an open file that the program reads itself, from where it stands; nothing if absent. */
  readonly stdin?: string | Uint8Array | number;
  /** More standard output than this ends the program. */
  readonly outputBytes: number;
}

export interface ProgramEnd {
  readonly stdout: Buffer;
  /** The first 64 kB. */
  readonly stderr: string;
  /** -1 if it was killed or never started. */
  readonly code: number;
  readonly cut: boolean;
}

export interface Program {
  /** Id of its process group; undefined if it did not start. */
  readonly pid: number | undefined;
  /** Resolves when it has ended and its output is read; never rejects. */
  readonly ended: Promise<ProgramEnd>;
}

/** The program and all that it started. One that is gone is no error. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

const STDERR_BYTES = 64 * 1024;

/** In a process group of its own. */
export function startProgram(file: string, words: readonly string[], call: ProgramCall): Program {
  const { stdin } = call;
  const input = typeof stdin === 'number' ? stdin : stdin === undefined ? 'ignore' : 'pipe';
  const child = spawn(file, [...words], {
    cwd: call.cwd,
    env: call.env,
    detached: true,
    stdio: [input, 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  let bytes = 0;
  let cut = false;
  let stderr = Buffer.alloc(0);
  child.stdout?.on('data', (chunk: Buffer) => {
    const room = call.outputBytes - bytes;
    bytes += chunk.length;
    if (room > 0) out.push(chunk.subarray(0, room));
    if (bytes <= call.outputBytes || cut) return;
    cut = true;
    killGroup(child.pid);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    if (stderr.length < STDERR_BYTES) stderr = Buffer.concat([stderr, chunk]).subarray(0, STDERR_BYTES);
  });
  // A program may end without reading what it is given.
  child.stdin?.on('error', () => {});
  if (typeof stdin !== 'number') child.stdin?.end(stdin);
  const ended = new Promise<ProgramEnd>((resolve) => {
    const finish = (code: number, said: string) => resolve({ stdout: Buffer.concat(out), stderr: said, code, cut });
    child.once('error', (error) => finish(-1, error.message));
    child.once('close', (code) => finish(code ?? -1, stderr.toString('utf8')));
  });
  return { pid: child.pid, ended };
}
