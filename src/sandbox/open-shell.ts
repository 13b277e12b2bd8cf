// Owns the opening of one shell: programs into the box, launch, handshake. What fails a check is killed before it ran anything.
import { accessSync, constants } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CaissonError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { OpenSandbox, ProbeCheck, ProbeReport } from '../contracts/executor.ts';
import { killSandbox } from './death.ts';
import { judgeFacts } from './handshake.ts';
import { launch, type Launched } from './launch.ts';
import { createLiveShell, type LiveShell } from './live-shell.ts';
import { killGroup } from './processes.ts';
import type { ProfileFile } from './profile.ts';
import { commandUser, type SandboxSetup } from './setup.ts';
import type { SandboxNetwork } from './network/networking.ts';
import { putInBox } from './toolbox.ts';
import type { Keep } from './watching/keeping.ts';

export type ShellProbe = Omit<ProbeReport, 'firejail' | 'kernel'>;

export interface OpenShell {
  readonly launched: Launched;
  /** Ended by whoever ends the shell. */
  readonly keep: Keep;
  readonly live: LiveShell;
  readonly probe: ShellProbe;
}

/**
 * `start`: directory inside that the shell begins in. An abort kills what was launched. Throws `sandbox_unavailable` or
 * `sandbox_self_test_failed`; then everything of it is dead.
 */
export async function openShell(
  request: OpenSandbox,
  start: string,
  profile: ProfileFile,
  setup: SandboxSetup,
  signal: AbortSignal,
  network?: SandboxNetwork,
): Promise<OpenShell> {
  const began = setup.clock.monotonic();
  requireUser(setup);
  requireReadable(setup.canary);
  await putInBox(setup.toolbox, request.box);
  await network?.prepare();
  const launched = await launch(request, start, profile, setup, network);
  const keeping = setup.keeping().then(({ prepareKeep }) => prepareKeep(request, setup));
  const live = createLiveShell(launched, start);
  const abort = () => killGroup(launched.pid);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    const facts = await Promise.race([live.facts, delay(LIMITS.sandboxStartMs, '', { ref: false })]);
    if (facts === '') throw await whyNot(launched, setup);
    const checks = judgeFacts(facts, commandUser(setup).uid, request.limits);
    requireAll(checks);
    const keep = await keeping;
    const limits = await keep.enter(launched.pid);
    live.go();
    if (network !== undefined) await joinNetwork(network, launched);
    const startMs = setup.clock.monotonic() - began;
    return { launched, live, keep, probe: { ok: true, checks, limits, startMs } };
  } catch (error) {
    network?.part();
    await killSandbox(launched);
    launched.output.destroy();
    await (await keeping).end();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** So many checks fail together only where there is no sandbox. */
const MOST_CHECKS = 6;
const NO_SANDBOX =
  'Firejail started the program without any sandbox, as it does in what it takes for one: set container=docker for the container.';

/** Before any command runs. */
async function joinNetwork(network: SandboxNetwork, launched: Launched): Promise<void> {
  const late = delay(LIMITS.sandboxStartMs, undefined, { ref: false });
  if (await network.join(launched.child, Promise.race([launched.exited, late]))) return;
  throw new CaissonError('sandbox_unavailable', 'the sandbox handed out no socket for its network');
}

/** As root, firejail gives no user namespace, and a command would be root. */
function requireUser({ user }: SandboxSetup): void {
  if (user === undefined && process.getuid?.() === 0)
    throw new CaissonError('sandbox_unavailable', 'commands never run as root, and no other user is given for them');
}

/** A canary that the service itself cannot read would prove nothing. */
function requireReadable(canary: string): void {
  try {
    accessSync(canary, constants.R_OK);
  } catch (cause) {
    const message = `the canary ${canary} is not there, so the check would prove nothing`;
    throw new CaissonError('sandbox_self_test_failed', message, { cause });
  }
}

function requireAll(checks: readonly ProbeCheck[]): void {
  const failed = checks.filter((check) => !check.ok);
  if (failed.length === 0) return;
  const seen = failed.map((check) => `${check.name} (seen: ${check.seen})`).join('; ');
  const hint = failed.length < MOST_CHECKS ? {} : { hint: NO_SANDBOX };
  throw new CaissonError('sandbox_self_test_failed', `the sandbox does not hold what it promises: ${seen}`, hint);
}

async function whyNot(launched: Launched, setup: SandboxSetup): Promise<CaissonError> {
  const complaint = launched.complaint();
  if (launched.hasExited()) return (await setup.fitness()).whyEnded(await launched.exited, complaint, setup);
  return new CaissonError(
    'sandbox_unavailable',
    `the sandbox did not answer within ${LIMITS.sandboxStartMs} ms: ${complaint}`,
  );
}
