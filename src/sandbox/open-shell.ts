// Owns the opening of one shell: programs into the box, launch, handshake. What fails a check is killed before it ran anything.
import { accessSync, constants } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { CaissonError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import type { OpenSandbox, ProbeCheck, ProbeReport } from '../contracts/executor.ts';
import { endLaunched } from './end-launched.ts';
import { judgeFacts } from './handshake.ts';
import { launch, type Launched } from './launch.ts';
import { createLiveShell, type LiveShell } from './live-shell.ts';
import { commandUser, type SandboxSetup } from './setup.ts';
import { putInBox } from './toolbox.ts';

export interface OpenShell {
  readonly launched: Launched;
  readonly live: LiveShell;
  readonly probe: Omit<ProbeReport, 'firejail' | 'kernel'>;
}

/** Which limits the kernel enforces here, and which are only watched by the service. */
const LIMIT_KINDS: ProbeReport['limits'] = {
  processes: 'hard',
  process_memory: 'hard',
  open_files: 'hard',
  file_size: 'hard',
  cpu_per_process: 'hard',
  output: 'watched',
  wall_time: 'watched',
  total_memory: 'none',
  disk: 'none',
};

/** Throws `sandbox_unavailable` or `sandbox_self_test_failed`. `start`: directory inside that the shell begins in. */
export async function openShell(
  request: OpenSandbox,
  start: string,
  profile: string,
  setup: SandboxSetup,
): Promise<OpenShell> {
  const began = performance.now();
  requireReadable(setup.canary);
  await putInBox(setup.toolbox, request.box);
  const launched = await launch(request, start, profile, setup);
  const live = createLiveShell(launched, start);
  try {
    const facts = await Promise.race([live.facts, delay(LIMITS.sandboxStartMs, '', { ref: false })]);
    if (facts === '') throw await whyNot(launched);
    const checks = judgeFacts(facts, commandUser(setup).uid);
    requireAll(checks);
    live.go();
    return { launched, live, probe: { ok: true, checks, limits: LIMIT_KINDS, startMs: performance.now() - began } };
  } catch (error) {
    await endLaunched(launched);
    throw error;
  }
}

/** A canary that the service itself cannot read would prove nothing. */
function requireReadable(canary: string): void {
  try {
    accessSync(canary, constants.R_OK);
  } catch (cause) {
    throw new CaissonError(
      'sandbox_self_test_failed',
      `the canary ${canary} is not there, so the check would prove nothing`,
      { cause },
    );
  }
}

function requireAll(checks: readonly ProbeCheck[]): void {
  const failed = checks.filter((check) => !check.ok);
  if (failed.length === 0) return;
  const seen = failed.map((check) => `${check.name} (seen: ${check.seen})`).join('; ');
  throw new CaissonError('sandbox_self_test_failed', `the sandbox does not hold what it promises: ${seen}`);
}

async function whyNot(launched: Launched): Promise<CaissonError> {
  if (!launched.hasExited())
    return new CaissonError(
      'sandbox_unavailable',
      `the sandbox did not answer within ${LIMITS.sandboxStartMs} ms: ${launched.complaint()}`,
    );
  const { error, code, signal } = await launched.exited;
  if (error?.code === 'ENOENT')
    return new CaissonError('sandbox_unavailable', 'prlimit or firejail is not installed: apt-get install firejail');
  const complaint = launched.complaint();
  if (/failed to execute \S*firejail/i.test(complaint))
    return new CaissonError('sandbox_unavailable', 'firejail is not installed: apt-get install firejail');
  return new CaissonError(
    'sandbox_unavailable',
    `firejail ended (${code ?? signal ?? 'not started'}): ${complaint || error?.message || 'it said nothing'}`,
  );
}
