// Owns the executor: sandboxes by id, one command at a time in each, their end. Knows no run and no policy.
import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CaissonError, reportOf } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type {
  DeathReport,
  ExecEnd,
  ExecOutcome,
  ExecRequest,
  Executor,
  ExecutorResult,
  OpenSandbox,
  OpenedSandbox,
} from '../contracts/executor.ts';
import { createCollector } from './collector.ts';
import { endLaunched } from './end-launched.ts';
import type { ShellCommand, ShellEnd } from './live-shell.ts';
import { type OpenShell, openShell } from './open-shell.ts';
import { runProbe } from './probe.ts';
import { writeProfile } from './profile.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';
import { sweepLeftovers } from './sweep.ts';

interface Sandbox {
  readonly request: OpenSandbox;
  shell: OpenShell | undefined;
  /** Directory the next shell begins in. */
  directory: string;
  /** Opening and commands, one after the other. */
  line: Promise<unknown>;
  closed: boolean;
  /** Set by `cancel` for the command whose turn it is. */
  cancelled: boolean;
  /** What outlived the end of a shell. */
  survivors: number[];
  death: Promise<DeathReport> | undefined;
}

type Start = (sandbox: Sandbox) => Promise<OpenShell>;

/** One executor of this process. The profile lives as long as it does. */
export function createExecutor(setup: SandboxSetup): Executor {
  const sandboxes = new Map<string, Sandbox>();
  const profile = writeProfile(setup.hidden);
  const version = firejailVersion(setup.firejail ?? 'firejail');
  const inside = insidePaths(commandUser(setup));
  const start: Start = async (sandbox) => {
    sandbox.shell = await openShell(sandbox.request, sandbox.directory, profile.path, setup);
    if (!sandbox.closed) return sandbox.shell;
    await dropShell(sandbox);
    throw new CaissonError('sandbox_gone', 'the sandbox was closed while it was opened');
  };
  const close = async (sandbox: Sandbox): Promise<DeathReport> => {
    const { sandbox: id } = sandbox.request;
    const death = await (sandbox.death ??= closeSandbox(sandbox, setup));
    if (sandboxes.get(id) === sandbox) sandboxes.delete(id);
    return death;
  };
  const executor: Executor = {
    probe: () => attempt(() => runProbe(executor, setup)),
    open: (request) =>
      attempt(async (): Promise<OpenedSandbox> => {
        const sandbox = newSandbox(request, inside.work);
        if (sandboxes.has(request.sandbox))
          throw new CaissonError('invalid_input', `the sandbox ${request.sandbox} is open already`);
        sandboxes.set(request.sandbox, sandbox);
        const opening = start(sandbox);
        sandbox.line = opening.catch(() => {});
        try {
          const probe = { ...(await opening).probe, firejail: await version, kernel: release() };
          return { sandbox: request.sandbox, workPath: inside.work, homePath: inside.home, outPath: inside.out, probe };
        } catch (error) {
          await close(sandbox);
          throw error;
        }
      }),
    exec: (request) =>
      attempt(async () => {
        const sandbox = sandboxes.get(request.sandbox);
        if (sandbox === undefined)
          throw new CaissonError('sandbox_gone', `there is no open sandbox ${request.sandbox}`);
        const turn = sandbox.line.then(() => execIn(sandbox, request, start, inside.out));
        sandbox.line = turn.catch(() => {});
        return turn;
      }),
    cancel: async (id) => cancelIn(sandboxes.get(id)),
    close: async (id) => {
      const sandbox = sandboxes.get(id);
      return sandbox === undefined ? { sandbox: id, ms: 0, survivors: [] } : close(sandbox);
    },
    sweep: () => sweepLeftovers(setup.boxesRoot),
    dispose: async () => {
      await Promise.all(Array.from(sandboxes.values(), close));
      profile.dispose();
    },
  };
  return executor;
}

function cancelIn(sandbox: Sandbox | undefined): void {
  if (sandbox === undefined) return;
  sandbox.cancelled = true;
  sandbox.shell?.live.stop('cancelled');
}

function newSandbox(request: OpenSandbox, directory: string): Sandbox {
  return {
    request,
    shell: undefined,
    directory,
    line: Promise.resolve(),
    closed: false,
    cancelled: false,
    survivors: [],
    death: undefined,
  };
}

async function execIn(sandbox: Sandbox, request: ExecRequest, start: Start, out: string): Promise<ExecOutcome> {
  if (sandbox.closed) throw new CaissonError('sandbox_gone', `sandbox ${request.sandbox} is closed`);
  const began = performance.now();
  sandbox.cancelled = false;
  const name = `${request.exec}.log`;
  const keep = { hostPath: join(sandbox.request.box, 'out', name), insidePath: join(out, name) };
  const { outputBytes, command, stdin, timeoutMs } = request;
  const collector = createCollector(request.keep ? { outputBytes, keep } : { outputBytes });
  const { end, restarted } = await runOnce(sandbox, { command, stdin, timeoutMs, collector }, start);
  return { ...end, output: collector.finish(), ms: performance.now() - began, restarted };
}

/** Runs the command in the shell there is, or in a new one where that had ended before the command began. */
async function runOnce(
  sandbox: Sandbox,
  command: ShellCommand,
  start: Start,
): Promise<{ readonly end: ExecEnd; readonly restarted: boolean }> {
  const there = sandbox.shell;
  const first = there === undefined ? undefined : await runIn(sandbox, there, command);
  if (first !== undefined && (first.began || !isGone(first.end))) return { end: first.end, restarted: !first.usable };
  const fresh = await start(sandbox);
  if (sandbox.cancelled) return { end: { end: 'killed', by: 'cancelled' }, restarted: true };
  const second = await runIn(sandbox, fresh, command);
  return { end: second.end, restarted: true };
}

async function runIn(sandbox: Sandbox, shell: OpenShell, command: ShellCommand): Promise<ShellEnd> {
  const done = await shell.live.run(command);
  sandbox.directory = shell.live.directory();
  if (!done.usable && sandbox.shell === shell) await dropShell(sandbox);
  return done;
}

function isGone(end: ExecEnd): boolean {
  return end.end === 'killed' && end.by === 'sandbox_gone';
}

async function closeSandbox(sandbox: Sandbox, setup: SandboxSetup): Promise<DeathReport> {
  const began = performance.now();
  sandbox.closed = true;
  cancelIn(sandbox);
  await dropShell(sandbox);
  await sandbox.line;
  const { survivors } = sandbox;
  const { sandbox: id } = sandbox.request;
  if (survivors.length > 0)
    setup.logger.error('processes of a sandbox outlived SIGKILL', { sandbox: id, count: survivors.length });
  return { sandbox: id, ms: performance.now() - began, survivors };
}

async function dropShell(sandbox: Sandbox): Promise<void> {
  const { shell } = sandbox;
  sandbox.shell = undefined;
  if (shell !== undefined) sandbox.survivors.push(...(await endLaunched(shell.launched)));
}

async function attempt<Value>(work: () => Promise<Value>): Promise<ExecutorResult<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: reportOf(error) };
  }
}

async function firejailVersion(firejail: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(firejail, ['--version'], {
      timeout: LIMITS.sandboxStartMs,
      killSignal: 'SIGKILL',
    });
    return /version\s+(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
