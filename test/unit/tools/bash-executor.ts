// Owns a live bash on this machine that answers as the executor does, for tests of tools. Isolates nothing.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { TestContext } from 'node:test';
import { LIMITS, type Limits } from '../../../src/base/limits.ts';
import type { ExecOutcome, ExecOutput } from '../../../src/contracts/executor.ts';
import type { ToolContext } from '../../../src/contracts/tools.ts';

type Request = Parameters<ToolContext['exec']>[0];
type Bash = ChildProcessByStdio<Writable, Readable, null>;

export interface LocalShell {
  readonly context: ToolContext;
  /** Absolute path of the work tree. */
  readonly work: string;
  /** Runs a command in the live shell and gives what it printed. */
  readonly say: (command: string) => Promise<string>;
  /** Requests so far. */
  readonly requests: Request[];
}

/** A shell in an empty work tree; both go when the test ends. */
export function localShell(t: TestContext, limits: Limits = LIMITS): LocalShell {
  const root = mkdtempSync(join(tmpdir(), 'caisson-tools-'));
  const work = join(root, 'work');
  mkdirSync(work);
  const requests: Request[] = [];
  let bash = startBash(work);
  let count = 0;
  t.after(() => {
    kill(bash);
    rmSync(root, { recursive: true, force: true });
  });
  const exec = async (request: Request): Promise<ExecOutcome> => {
    requests.push(request);
    count += 1;
    const file = (name: string) => join(root, `${name}-${count}`);
    writeFileSync(file('command'), request.command);
    writeFileSync(file('input'), request.stdin ?? '');
    const started = performance.now();
    bash.stdin.write(`eval "$(<${file('command')})" <${file('input')} >${file('output')} 2>&1; /bin/echo "done $?"\n`);
    const exitCode = await answer(bash, request.timeoutMs);
    const directory = exitCode === undefined ? readlinkSync(`/proc/${bash.pid}/cwd`) : work;
    if (typeof exitCode !== 'number') {
      kill(bash);
      bash = startBash(directory);
    }
    const output = outputOf(readFileSync(file('output')), request, file('output'));
    const ms = performance.now() - started;
    if (exitCode === undefined) return { end: 'timed_out', afterMs: request.timeoutMs, output, ms, restarted: true };
    const ended = exitCode === 'ended';
    return { end: 'exited', exitCode: ended ? 7 : exitCode, output, ms, restarted: ended };
  };
  const context: ToolContext = { run: 'run_test', step: 1, exec, workPath: work, limits };
  const say = async (command: string) => {
    const outcome = await exec({ command, timeoutMs: 20_000, outputBytes: 1 << 20, keep: false });
    return outcome.output.head;
  };
  return { context, work, say, requests };
}

function startBash(directory: string): Bash {
  const env = { PATH: `${ripgrepDirectory()}:/usr/local/bin:/usr/bin:/bin`, HOME: directory };
  return spawn('/bin/bash', ['--noprofile', '--norc'], {
    cwd: directory,
    env,
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

function ripgrepDirectory(): string {
  return new URL('../../../node_modules/@vscode/ripgrep-linux-x64/bin', import.meta.url).pathname;
}

function kill(bash: Bash): void {
  try {
    if (bash.pid !== undefined) process.kill(-bash.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** Exit status; 'ended' if the shell itself did; undefined after `timeoutMs`. */
function answer(bash: Bash, timeoutMs: number): Promise<number | 'ended' | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), timeoutMs);
    const settle = (value: number | 'ended') => {
      clearTimeout(timer);
      bash.stdout.removeAllListeners('data');
      bash.removeAllListeners('exit');
      resolve(value);
    };
    bash.once('exit', () => settle('ended'));
    let said = '';
    bash.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const code = /done (\d+)\n/.exec(said)?.[1];
      if (code !== undefined) settle(Number(code));
    });
  });
}

function outputOf(bytes: Buffer, request: Request, path: string): ExecOutput {
  const lines = bytes.toString().split('\n').length - (bytes.length === 0 || bytes.at(-1) === 10 ? 1 : 0);
  if (bytes.length <= request.outputBytes)
    return { head: bytes.toString(), tail: '', bytes: bytes.length, lines, cutBytes: 0, cutLines: 0 };
  const half = Math.floor(request.outputBytes / 2);
  const middle = bytes.subarray(half, bytes.length - half);
  const cutLines = middle.toString().split('\n').length - 1;
  const head = bytes.toString('utf8', 0, half);
  const tail = bytes.toString('utf8', bytes.length - half);
  return {
    head,
    tail,
    bytes: bytes.length,
    lines,
    cutBytes: middle.length,
    cutLines,
    ...(request.keep ? { path } : {}),
  };
}
