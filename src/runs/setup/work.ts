// Owns the sandbox of a set-up: which programs it sees, its commands one after the other, what becomes of one that fails. Knows no cache.
import { join } from 'node:path';
import { CaissonError, errorFrom } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { EgressProfile } from '../../contracts/egress.ts';
import type { DeathReport, ExecOutcome } from '../../contracts/executor.ts';
import type { Emit } from '../../contracts/ports.ts';
import type { SetupFacts } from '../../contracts/setups.ts';
import { killedStatus } from '../../tools/result-text.ts';
import { makeSetupBox } from '../../workspace/setup/box.ts';
import type { SetupSource } from '../../workspace/setup/cache.ts';
import { listTree } from '../../workspace/tree.ts';
import { createRunSandbox, type RunSandbox } from '../run-sandbox.ts';
import type { SetupPorts } from './port.ts';

export interface SetupWork {
  readonly run: string;
  /** Directory of the run. */
  readonly root: string;
  /** Trusted git directory. */
  readonly git: string;
  readonly signal: AbortSignal;
  readonly egress?: EgressProfile;
  readonly facts: Omit<SetupFacts, 'ms'>;
  /** Shell text in front of the commands. */
  readonly environment: string;
}

const PROGRAMS = 'node npm pnpm yarn corepack python3 pip3 uv cargo rustc go java mvn gcc make';
/** By its file: asking each for its version would take seconds. */
const TOOLCHAIN = `for name in ${PROGRAMS}; do
  path=$(type -P "$name") && stat -L -c "$name %s %Y" "$path"
done; uname -m; cat /etc/os-release`;
const FIRST_MS = 10_000;
const TOOLCHAIN_BYTES = 16 * 1024;
const MOST_SAID = 5;
const TAIL_CHARACTERS = 1500;

/** Programs that a sandbox sees here, with size and time of each. Nothing of a repository has run by then. */
export async function readToolchain(
  { run, root, git, signal }: Omit<SetupWork, 'facts' | 'environment'>,
  ports: SetupPorts,
  emit: Emit,
): Promise<string> {
  const box = boxIn(root, ports);
  await makeSetupBox({ git, box, ...ownerOf(ports) });
  const sandbox = createRunSandbox({ run, box, purpose: 'setup' }, ports, emit);
  try {
    const outcome = await exec(sandbox, TOOLCHAIN, FIRST_MS, TOOLCHAIN_BYTES, signal, ports);
    if (outcome.end === 'exited') return outcome.output.head;
    throw new CaissonError('setup_failed', `the programs for a set-up could not be listed: ${endOf(outcome)}`);
  } finally {
    await sandbox.close();
  }
}

/** `print`: gets what the commands printed. Throws `setup_failed`. When it resolves, nothing lives in the box. */
export async function makeSetup(
  work: SetupWork,
  print: (text: string) => void,
  ports: SetupPorts,
  emit: Emit,
): Promise<SetupSource> {
  const { run, root, git, facts, egress } = work;
  const box = boxIn(root, ports);
  const began = ports.clock.monotonic();
  await makeSetupBox({ git, tree: facts.tree, box, ...ownerOf(ports) });
  const network = egress === undefined ? {} : { egress };
  const sandbox = createRunSandbox({ run, box, purpose: 'setup', ...network }, ports, emit);
  let death: DeathReport | undefined;
  try {
    await runAll(sandbox, work, print, ports);
  } finally {
    death = await sandbox.close();
  }
  if (death !== undefined && death.survivors.length > 0)
    throw new CaissonError('setup_failed', 'processes of the set-up outlived SIGKILL, so nothing of it is kept');
  const ms = ports.clock.monotonic() - began;
  const known = (await listTree(git, facts.tree)).map(({ path }) => path);
  const { setupFiles: maxFiles, setupBytes: maxBytes } = ports.limits;
  return { facts: { ...facts, ms }, keep: { box, known, maxFiles, maxBytes } };
}

async function runAll(
  sandbox: RunSandbox,
  { facts, environment, signal }: SetupWork,
  print: (text: string) => void,
  ports: SetupPorts,
): Promise<void> {
  const { setupTimeoutMs, toolResultBytes } = ports.limits;
  const until = ports.clock.monotonic() + setupTimeoutMs;
  for (const [at, command] of facts.commands.entries()) {
    const text = at === 0 ? `${environment}\n${command}` : command;
    const left = Math.max(1, Math.round(until - ports.clock.monotonic()));
    const outcome = await exec(sandbox, text, left, toolResultBytes, signal, ports);
    const { head, tail, cutBytes } = outcome.output;
    const output = tail === '' ? head : `${head}\n[… ${cutBytes} bytes left out]\n${tail}`;
    print(`$ ${command}\n${output}${output.endsWith('\n') || output === '' ? '' : '\n'}`);
    if (outcome.end !== 'exited' || outcome.exitCode !== 0)
      throw new CaissonError('setup_failed', failureText(command, outcome, output));
  }
}

async function exec(
  sandbox: RunSandbox,
  command: string,
  timeoutMs: number,
  outputBytes: number,
  signal: AbortSignal,
  ports: SetupPorts,
): Promise<ExecOutcome> {
  const request = { exec: newId('exe', ports.clock.now()), command, timeoutMs, outputBytes, keep: false };
  const result = await sandbox.exec(request, signal);
  if (signal.aborted) throw new CaissonError('conflict', 'the run was stopped during its set-up');
  if (!result.ok) throw errorFrom(result.error);
  return result.value;
}

function failureText(command: string, outcome: ExecOutcome, output: string): string {
  const refused = (outcome.egress ?? []).filter((record) => record.outcome === 'denied').map(({ said }) => said);
  const said = [...new Set(refused)].slice(0, MOST_SAID).join(' ');
  const tail = output.trim().slice(-TAIL_CHARACTERS);
  return [`${command}: ${endOf(outcome)}`, said, tail].filter((part) => part !== '').join('\n');
}

function endOf(outcome: ExecOutcome): string {
  switch (outcome.end) {
    case 'exited':
      return `exit status ${outcome.exitCode}`;
    case 'timed_out':
      return `not done after ${Math.round(outcome.afterMs / 1000)} s (limits.setup_timeout_ms)`;
    case 'killed':
      return killedStatus(outcome.by, outcome.said);
  }
  return outcome satisfies never;
}

function boxIn(root: string, { clock }: SetupPorts): string {
  return join(root, 'setup', newId('set', clock.now()));
}

function ownerOf({ owner }: SetupPorts) {
  return owner === undefined ? {} : { owner };
}
