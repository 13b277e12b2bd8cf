// Owns the executor: sandboxes by id, and what holds for all of them. Knows no run and no policy.
import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { CaissonError, reportOf } from '../base/errors.ts';
import type { DeathReport, Executor, ExecutorResult, OpenedSandbox, OpenSandbox } from '../contracts/executor.ts';
import { type Opened, runProbe } from './probe.ts';
import { type ProfileFile, writeProfile } from './profile.ts';
import { checkedExec, checkOpen } from './requests.ts';
import { createSandbox, type Sandbox } from './sandbox.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';
import { sweepLeftovers } from './sweep.ts';

/** All that one executor knows. */
interface House {
  readonly setup: SandboxSetup;
  readonly profile: ProfileFile;
  readonly sandboxes: Map<string, Sandbox>;
  /** Version of firejail, once a sandbox has been opened. */
  firejail: string | undefined;
}

/** One executor of this process. The profile lives as long as it does. Throws `sandbox_unavailable` for a path that cannot be hidden. */
export function createExecutor(setup: SandboxSetup): Executor {
  const profile = writeProfile(setup.hidden);
  const house: House = { setup, profile, sandboxes: new Map(), firejail: undefined };
  const { sandboxes } = house;
  return {
    probe: () => attempt(() => runProbe((request) => openIn(house, request), setup)),
    open: (request) =>
      attempt(async (): Promise<OpenedSandbox> => {
        const { probe } = await openIn(house, request);
        const { work, home, out } = insidePaths(commandUser(setup));
        return { sandbox: request.sandbox, workPath: work, homePath: home, outPath: out, probe };
      }),
    exec: (request) =>
      attempt(async () => {
        const sandbox = sandboxes.get(request.sandbox);
        if (sandbox === undefined)
          throw new CaissonError('sandbox_gone', `there is no open sandbox ${request.sandbox}`);
        return sandbox.exec(checkedExec(request));
      }),
    cancel: async (id) => sandboxes.get(id)?.cancel(),
    permit: async (id, grant) => sandboxes.get(id)?.permit(grant),
    close: (id) => closeIn(house, id),
    sweep: async () => {
      const report = await sweepLeftovers(setup.boxesRoot);
      const { sweepKeeps } = await setup.keeping();
      await sweepKeeps(setup);
      return report;
    },
    dispose: async () => {
      await Promise.all([...sandboxes.keys()].map((id) => closeIn(house, id)));
      profile.dispose();
    },
  };
}

/** Throws `sandbox_unavailable`, `sandbox_self_test_failed`; then nothing of it is left. */
async function openIn(house: House, request: OpenSandbox): Promise<Opened> {
  const { sandboxes, profile, setup } = house;
  const id = request.sandbox;
  if (sandboxes.has(id)) throw new CaissonError('invalid_input', `the sandbox ${id} is open already`);
  const sandbox = createSandbox(request, profile, setup);
  sandboxes.set(id, sandbox);
  try {
    await checkOpen(request, setup.boxesRoot);
    const opened = await sandbox.open();
    const firejail = (house.firejail ??= await firejailVersion(setup));
    return { probe: { ...opened, firejail, kernel: release() }, sandbox, close: () => closeIn(house, id) };
  } catch (error) {
    await closeIn(house, id);
    throw error;
  }
}

async function closeIn({ sandboxes }: House, id: string): Promise<DeathReport> {
  const sandbox = sandboxes.get(id);
  if (sandbox === undefined) return { sandbox: id, ms: 0, survivors: [] };
  const death = await sandbox.close();
  if (sandboxes.get(id) === sandbox) sandboxes.delete(id);
  return death;
}

async function attempt<Value>(work: () => Promise<Value>): Promise<ExecutorResult<Value>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: reportOf(error) };
  }
}

async function firejailVersion({ firejail = 'firejail' }: SandboxSetup): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(firejail, ['--version']);
    return /version\s+(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
