// Owns the declared checks: each command on a fresh checkout in a fresh sandbox, with nothing carried over. Knows no agent.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorFrom } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import type { ExecOutcome } from '../contracts/executor.ts';
import type { Emit } from '../contracts/ports.ts';
import type { Check, CheckOutcome } from '../contracts/runs.ts';
import { killedStatus } from '../tools/result-text.ts';
import { makeBox } from '../workspace/box.ts';
import { removeTree } from '../workspace/remove.ts';
import type { RunsPorts } from './ports.ts';
import { createRunSandbox } from './run-sandbox.ts';

export interface CheckJob {
  readonly run: string;
  readonly checks: readonly Check[];
  readonly on: 'base' | 'patch';
  /** Trusted git directory that holds `tree`. */
  readonly git: string;
  readonly tree: string;
  /** Directory of the run; the fresh box is made below it. */
  readonly root: string;
  /** Puts what the run was set up with into each box. */
  readonly furnish?: ((box: string) => Promise<void>) | undefined;
}

/** Runs the checks one after the other, each in a sandbox and on a checkout of its own. An aborted one is `not_run`. */
export async function runChecks(
  job: CheckJob,
  ports: RunsPorts,
  emit: Emit,
  signal: AbortSignal,
): Promise<readonly CheckOutcome[]> {
  const outcomes: CheckOutcome[] = [];
  for (const check of job.checks) outcomes.push(await runCheck(check, job, ports, emit, signal));
  return outcomes;
}

async function runCheck(
  check: Check,
  job: CheckJob,
  ports: RunsPorts,
  emit: Emit,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const { name } = check;
  const { on } = job;
  await emit([{ body: { type: 'check_started', name, on, commandHash: sha256(check.run) }, contents: [check.run] }]);
  const outcome = signal.aborted
    ? notRun(check, on, 'the run was stopped')
    : await onFreshCheckout(check, job, ports, emit, signal);
  const { status, exitCode, ms, output } = outcome;
  const body = { type: 'check_finished', name, on, status, outputHash: sha256(output), ms } as const;
  await emit([{ body: exitCode === undefined ? body : { ...body, exitCode }, contents: [output] }]);
  return outcome;
}

async function onFreshCheckout(
  check: Check,
  job: CheckJob,
  ports: RunsPorts,
  emit: Emit,
  signal: AbortSignal,
): Promise<CheckOutcome> {
  const box = join(job.root, 'checks', newId('chk', ports.clock.now()));
  const owner = ports.owner === undefined ? {} : { owner: ports.owner };
  const sandbox = createRunSandbox({ run: job.run, box, purpose: 'check' }, ports, emit);
  try {
    // The user of the commands passes through here, but sees nothing.
    await mkdir(join(job.root, 'checks'), { recursive: true, mode: 0o711 });
    await makeBox({ git: job.git, tree: job.tree, box, ...owner, furnish: job.furnish });
    const result = await sandbox.exec(
      {
        exec: newId('exe', ports.clock.now()),
        command: check.run,
        timeoutMs: ports.limits.checkTimeoutMs,
        outputBytes: ports.limits.toolResultBytes,
        keep: false,
      },
      signal,
    );
    if (result.ok) return outcomeOf(check, job.on, result.value);
    // No fault of the patch: a machine that cannot run checks must not call work red.
    if (!signal.aborted) throw errorFrom(result.error);
    return notRun(check, job.on, result.error.message);
  } finally {
    await sandbox.close();
    await removeTree(box);
  }
}

function outcomeOf(check: Check, on: CheckJob['on'], outcome: ExecOutcome): CheckOutcome {
  const { head, tail, cutBytes, cutLines } = outcome.output;
  const cut = tail === '' ? '' : `\n[… ${cutBytes} bytes, ${cutLines} lines left out]\n${tail}`;
  const base = { name: check.name, command: check.run, on, ms: outcome.ms, output: head + cut };
  switch (outcome.end) {
    case 'exited':
      return { ...base, status: outcome.exitCode === 0 ? 'passed' : 'failed', exitCode: outcome.exitCode };
    case 'timed_out':
      return { ...base, status: 'timed_out' };
    case 'killed':
      return { ...base, status: 'killed', output: `${killedStatus(outcome.by, outcome.said)}\n${base.output}` };
  }
  return outcome satisfies never;
}

function notRun(check: Check, on: CheckJob['on'], why: string): CheckOutcome {
  return { name: check.name, command: check.run, on, status: 'not_run', ms: 0, output: why };
}
