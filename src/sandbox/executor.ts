// Owns the executor: sandboxes by id, one command at a time in each, their end. Knows no run and no policy.
import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CaissonError, reportOf } from '../base/errors.ts';
import type {
  DeathReport,
  ExecOutcome,
  ExecRequest,
  Executor,
  ExecutorResult,
  OpenSandbox,
  OpenedSandbox,
} from '../contracts/executor.ts';
import { createCollector } from './collector.ts';
import { type OpenShell, openShell } from './open-shell.ts';
import { runProbe } from './probe.ts';
import { writeProfile } from './profile.ts';
import { familyOf, killGroup, untilDead } from './processes.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';
import { sweepLeftovers } from './sweep.ts';

interface Sandbox {
  readonly request: OpenSandbox;
  shell: OpenShell | undefined;
  /** Directory the next shell begins in. */
  directory: string;
  /** Commands run one after the other. */
  line: Promise<unknown>;
  closed: boolean;
}

/** One executor of this process. The profile lives as long as it does. */
export function createExecutor(setup: SandboxSetup): Executor {
  const sandboxes = new Map<string, Sandbox>();
  const profile = writeProfile(setup.hidden);
  const version = firejailVersion();
  const inside = insidePaths(commandUser(setup));

  const start = async (sandbox: Sandbox): Promise<OpenShell> => {
    const shell = await openShell(sandbox.request, sandbox.directory, profile.path, setup);
    if (!sandbox.closed) {
      sandbox.shell = shell;
      return shell;
    }
    await killShell(shell);
    throw new CaissonError('sandbox_gone', 'the sandbox was closed while it was opened');
  };

  const executor: Executor = {
    probe: () => attempt(() => runProbe(executor, setup)),
    open: (request) =>
      attempt(async (): Promise<OpenedSandbox> => {
        const sandbox = { request, shell: undefined, directory: inside.work, line: Promise.resolve(), closed: false };
        sandboxes.set(request.sandbox, sandbox);
        try {
          const shell = await start(sandbox);
          const probe = { ...shell.probe, firejail: await version, kernel: release() };
          return { sandbox: request.sandbox, workPath: inside.work, homePath: inside.home, outPath: inside.out, probe };
        } catch (error) {
          sandboxes.delete(request.sandbox);
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
    cancel: async (id) => sandboxes.get(id)?.shell?.live.stop('cancelled'),
    close: async (id) => {
      const sandbox = sandboxes.get(id);
      if (sandbox === undefined) return { sandbox: id, ms: 0, survivors: [] };
      const death = await closeSandbox(sandbox, setup);
      sandboxes.delete(id);
      return death;
    },
    sweep: () => sweepLeftovers(setup.boxesRoot),
    dispose: async () => {
      await Promise.all([...sandboxes.values()].map((sandbox) => closeSandbox(sandbox, setup)));
      sandboxes.clear();
      profile.dispose();
    },
  };
  return executor;
}

async function execIn(
  sandbox: Sandbox,
  request: ExecRequest,
  start: (sandbox: Sandbox) => Promise<OpenShell>,
  out: string,
): Promise<ExecOutcome> {
  if (sandbox.closed) throw new CaissonError('sandbox_gone', `sandbox ${request.sandbox} is closed`);
  const began = performance.now();
  const name = `${request.exec}.log`;
  const keep = { hostPath: join(sandbox.request.box, 'out', name), insidePath: join(out, name) };
  const { outputBytes, command, stdin, timeoutMs } = request;
  const collector = createCollector(request.keep ? { outputBytes, keep } : { outputBytes });
  const restarted = sandbox.shell === undefined;
  const shell = sandbox.shell ?? (await start(sandbox));
  const { end, usable } = await shell.live.run({ command, stdin, timeoutMs, collector });
  sandbox.directory = shell.live.directory();
  if (!usable && sandbox.shell === shell) {
    sandbox.shell = undefined;
    await killShell(shell);
  }
  return { ...end, output: collector.finish(), ms: performance.now() - began, restarted: restarted || !usable };
}

async function closeSandbox(sandbox: Sandbox, setup: SandboxSetup): Promise<DeathReport> {
  const began = performance.now();
  sandbox.closed = true;
  const { shell } = sandbox;
  sandbox.shell = undefined;
  shell?.live.stop('cancelled');
  const survivors = shell === undefined ? [] : await killShell(shell);
  await sandbox.line.catch(() => {});
  const { sandbox: id } = sandbox.request;
  if (survivors.length > 0)
    setup.logger.error('processes of a sandbox outlived SIGKILL', { sandbox: id, count: survivors.length });
  return { sandbox: id, ms: performance.now() - began, survivors };
}

/** SIGKILL to the group, and the proof: everything that descended from it is gone. */
async function killShell({ launched }: OpenShell): Promise<readonly number[]> {
  const family = familyOf(new Set([launched.pid]));
  killGroup(launched.pid);
  launched.control.destroy();
  launched.stdin.destroy();
  launched.output.destroy();
  if (!launched.hasExited()) await launched.exited;
  return untilDead(family);
}

async function attempt<Value>(work: () => Promise<Value>): Promise<ExecutorResult<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: reportOf(error) };
  }
}

async function firejailVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)('firejail', ['--version']);
    return /version\s+(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
