// Owns the executor: sandboxes by id, and what holds for all of them. Knows no run and no policy.
import { execFile } from 'node:child_process';
import { release } from 'node:os';
import { promisify } from 'node:util';
import { CaissonError, errorFrom, type ErrorReport, reportOf } from '../base/errors.ts';
import type {
  DeathReport,
  Executor,
  ExecutorResult,
  OpenedSandbox,
  OpenSandbox,
  ProbeDepth,
  ProbeReport,
} from '../contracts/executor.ts';
import type { Target } from './probing/probing.ts';
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
  /** The set of attacks that the last probe withstood. */
  confinedBy: string | undefined;
  /** Why nothing may run: the last probe failed. */
  broken: ErrorReport | undefined;
}

/**
 * One executor of this process. The profile lives as long as it does. Throws `sandbox_unavailable` for a path that cannot be hidden,
 * `config_invalid` for a toolchain that cannot be shown.
 */
export function createExecutor(setup: SandboxSetup): Executor {
  const profile = writeProfile(setup.hidden, setup.toolchains);
  const house: House = {
    setup,
    profile,
    sandboxes: new Map(),
    firejail: undefined,
    confinedBy: undefined,
    broken: undefined,
  };
  const { sandboxes } = house;
  return {
    probe: (depth) => probeIn(house, depth),
    open: (request) =>
      attempt(async (): Promise<OpenedSandbox> => {
        requireWhole(house);
        const opened = await openIn(house, request);
        const { confinedBy } = house;
        const probe = confinedBy === undefined ? opened.probe : { ...opened.probe, confinedBy };
        const { work, home, out } = insidePaths(commandUser(setup));
        return { sandbox: request.sandbox, workPath: work, homePath: home, outPath: out, probe };
      }),
    exec: (request) =>
      attempt(async () => {
        requireWhole(house);
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

async function probeIn(house: House, depth: ProbeDepth): Promise<ExecutorResult<ProbeReport>> {
  const result = await attempt(async () => {
    const { runProbe } = await house.setup.probing();
    return runProbe((request) => openIn(house, request), house.setup, depth);
  });
  house.broken = whyBroken(result);
  house.confinedBy = house.broken === undefined && result.ok ? result.value.suite : undefined;
  return result;
}

function whyBroken(result: ExecutorResult<ProbeReport>): ErrorReport | undefined {
  if (!result.ok) return result.error;
  const failed = result.value.checks.filter(({ ok }) => !ok).map(({ name }) => name);
  if (failed.length === 0) return undefined;
  return reportOf(new CaissonError('sandbox_self_test_failed', `the sandbox failed its probe: ${failed.join('; ')}`));
}

function requireWhole({ broken }: House): void {
  if (broken !== undefined) throw errorFrom(broken);
}

/** Throws `sandbox_unavailable`, `sandbox_self_test_failed`; then nothing of it is left. */
async function openIn(house: House, request: OpenSandbox): Promise<Target> {
  const { sandboxes, profile, setup } = house;
  const id = request.sandbox;
  if (sandboxes.has(id)) throw new CaissonError('invalid_input', `the sandbox ${id} is open already`);
  const sandbox = createSandbox(request, profile, setup);
  sandboxes.set(id, sandbox);
  try {
    await checkOpen(request, setup.boxesRoot);
    const opened = await sandbox.open();
    const firejail = (house.firejail ??= await firejailVersion(setup));
    const probe = { ...opened, firejail, kernel: release() };
    return { probe, exec: (command) => sandbox.exec(command), close: () => closeIn(house, id) };
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
    return { ok: false, error: reportOf(coded(error)) };
  }
}

/** What the disk of the boxes says, in words for whoever looks after it. */
function coded(error: unknown): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  const { code, message } = error;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new CaissonError('disk_full', `the disk that holds the boxes of sandboxes is full: ${message}`, {
      cause: error,
      hint: 'Free space and inodes there; nothing that was shown is lost.',
    });
  if (code === 'EROFS' || code === 'EACCES')
    return new CaissonError('data_dir_unusable', `the boxes of sandboxes cannot be written: ${message}`, {
      cause: error,
    });
  return error;
}

async function firejailVersion({ firejail = 'firejail' }: SandboxSetup): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(firejail, ['--version']);
    return /version\s+(\S+)/.exec(stdout)?.[1] ?? 'unknown';
  } catch {
    return 'unknown';
  }
}
