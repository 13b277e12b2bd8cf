// Owns one sandbox between open and close: its shell, the commands one after the other, its end. Knows no other sandbox.
import { CaissonError } from '../base/errors.ts';
import type { EgressGrant } from '../contracts/egress.ts';
import type { DeathReport, ExecEnd, ExecOutcome, ExecRequest, OpenSandbox } from '../contracts/executor.ts';
import { createCollector } from './collector.ts';
import { killSandbox } from './death.ts';
import type { ShellCommand, ShellEnd } from './live-shell.ts';
import { keptOutput, putStdin } from './out-files.ts';
import { type OpenShell, openShell, type ShellProbe } from './open-shell.ts';
import type { SandboxNetwork } from './network/networking.ts';
import type { ProfileFile } from './profile.ts';
import { commandUser, insidePaths, type SandboxSetup } from './setup.ts';
import type { Overrun } from './watching/overrun.ts';
import type { Watch } from './watching/keeping.ts';

export interface Sandbox {
  /** Opens the first shell. Throws `sandbox_unavailable`, `sandbox_self_test_failed`; then nothing of it lives. */
  open(): Promise<ShellProbe>;
  /** Runs when all before it are done. Throws `sandbox_gone` once closed, and what opening a new shell throws. */
  exec(request: ExecRequest): Promise<ExecOutcome>;
  cancel(): void;
  /** Nothing where there is no network. */
  permit(grant: EgressGrant): Promise<void>;
  /** Once for all callers. */
  close(): Promise<DeathReport>;
}

interface State {
  readonly request: OpenSandbox;
  readonly profile: ProfileFile;
  readonly setup: SandboxSetup;
  /** Ends the opening of a shell. */
  readonly closing: AbortController;
  shell: OpenShell | undefined;
  /** Over all shells; undefined where there is none, and before the first shell. */
  network: Promise<SandboxNetwork> | undefined;
  /** Over the shell. */
  watch: Watch | undefined;
  /** Why the shell was killed while no command ran; the next command is told. */
  overrun: Overrun | undefined;
  /** Directory the next shell begins in. */
  directory: string;
  /** What the next command waits for. */
  line: Promise<unknown>;
  /** Set while a command runs or waits for its shell. */
  current: { cancelled: boolean } | undefined;
  death: Promise<DeathReport> | undefined;
}

export function createSandbox(request: OpenSandbox, profile: ProfileFile, setup: SandboxSetup): Sandbox {
  const state: State = {
    request,
    profile,
    setup,
    closing: new AbortController(),
    shell: undefined,
    network: undefined,
    watch: undefined,
    overrun: undefined,
    directory: insidePaths(commandUser(setup)).work,
    line: Promise.resolve(),
    current: undefined,
    death: undefined,
  };
  const inLine = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const turn = state.line.then(work);
    state.line = turn.catch(() => {});
    return turn;
  };
  return {
    open: () => inLine(async () => (await start(state)).probe),
    exec: (command) => inLine(() => exec(state, command)),
    cancel: () => {
      if (state.current !== undefined) state.current.cancelled = true;
      state.shell?.live.stop('cancelled');
    },
    permit: async (grant) => (await state.network)?.permit(grant),
    close: () => (state.death ??= close(state)),
  };
}

async function start(state: State): Promise<OpenShell> {
  const { request, directory, profile, setup, closing } = state;
  const requireOpen = () => {
    if (closing.signal.aborted) throw new CaissonError('sandbox_gone', 'the sandbox was closed while it was opened');
  };
  requireOpen();
  try {
    state.network ??= networkOf(request, setup);
    const shell = await openShell(request, directory, profile, setup, closing.signal, await state.network);
    state.shell = shell;
    state.watch = watchOver(state, shell);
    return shell;
  } catch (error) {
    requireOpen();
    throw error;
  }
}

function networkOf({ egress, ...request }: OpenSandbox, setup: SandboxSetup): State['network'] {
  if (egress === undefined) return undefined;
  if (setup.networking === undefined)
    throw new CaissonError('sandbox_unavailable', 'the sandbox was to have a network, and this executor gives none');
  return setup.networking().then(({ openNetwork }) => openNetwork({ ...request, egress }, setup));
}

function watchOver(state: State, shell: OpenShell): Watch {
  return shell.keep.watch(shell.launched.pid, (over) => {
    if (state.shell !== shell) return;
    state.overrun = over;
    shell.live.stop(over.by, over.said);
    if (state.current === undefined) state.line = state.line.then(() => endOverrun(state));
  });
}

/** What ran in the background used too much. Whoever waits in line is told. */
async function endOverrun(state: State): Promise<void> {
  if (state.overrun !== undefined && state.shell !== undefined) await endShell(state, state.shell);
}

async function exec(state: State, request: ExecRequest): Promise<ExecOutcome> {
  if (state.closing.signal.aborted) throw new CaissonError('sandbox_gone', `the sandbox ${request.sandbox} is closed`);
  const began = state.setup.clock.monotonic();
  const current = { cancelled: false };
  state.current = current;
  state.watch?.setBusy(true);
  const { box } = state.request;
  const { out } = insidePaths(commandUser(state.setup));
  const stdin = await putStdin(box, out, request);
  try {
    const { outputBytes, keep, command, timeoutMs } = request;
    const kept = keptOutput(box, out, request.exec);
    const collector = createCollector(keep ? { outputBytes, keep: kept } : { outputBytes });
    const { end, restarted } = await runOnce(state, { command, stdin: stdin.path, timeoutMs, collector }, current);
    const ms = state.setup.clock.monotonic() - began;
    const egress = (await state.network)?.take() ?? [];
    return { ...end, output: collector.finish(), ms, restarted, ...(egress.length === 0 ? {} : { egress }) };
  } finally {
    state.current = undefined;
    state.watch?.setBusy(false);
    await stdin.remove();
  }
}

interface Ran {
  readonly end: ExecEnd;
  readonly restarted: boolean;
}

/** In the shell there is; in a new one where that had ended since, or before the command began. Where a command ended it, that was told. */
async function runOnce(state: State, command: ShellCommand, current: { readonly cancelled: boolean }): Promise<Ran> {
  if (state.overrun !== undefined) return endedBefore(state, state.overrun);
  const there = state.shell;
  if (there?.live.usable()) {
    const done = await runIn(state, there, command, current);
    const isLost = done.end.end === 'killed' && done.end.by === 'sandbox_gone' && !done.began;
    if (!isLost) return { end: done.end, restarted: !done.usable };
  } else if (there !== undefined) await endShell(state, there);
  const done = await runIn(state, await start(state), command, current);
  return { end: done.end, restarted: there !== undefined || !done.usable };
}

async function endedBefore(state: State, { by, said }: Overrun): Promise<Ran> {
  await endOverrun(state);
  state.overrun = undefined;
  const end = { end: 'killed', by, said: `before this command began, and it was not run: ${said}` } as const;
  return { end, restarted: true };
}

async function runIn(
  state: State,
  shell: OpenShell,
  command: ShellCommand,
  current: { readonly cancelled: boolean },
): Promise<ShellEnd> {
  const running = shell.live.run(command);
  state.watch?.setBusy(true);
  if (current.cancelled || state.closing.signal.aborted) shell.live.stop('cancelled');
  if (state.overrun !== undefined) shell.live.stop(state.overrun.by, state.overrun.said);
  const done = await running;
  state.directory = shell.live.directory();
  const starved = state.overrun === undefined ? shell.keep.starved() : undefined;
  if (starved !== undefined) {
    await endShell(state, shell);
    return { end: { end: 'killed', ...starved }, usable: false, began: done.began };
  }
  if (done.usable && state.overrun === undefined) return done;
  await endShell(state, shell);
  // Otherwise the command had ended by itself, and the next one is told.
  if (!done.usable) state.overrun = undefined;
  return { ...done, usable: false };
}

async function endShell(state: State, { launched, live, keep }: OpenShell): Promise<readonly number[]> {
  state.shell = undefined;
  state.watch?.stop();
  state.watch = undefined;
  const survivors = await killSandbox(launched);
  await live.drained();
  await keep.end();
  (await state.network)?.part();
  if (survivors.length > 0) {
    const { sandbox, run } = state.request;
    state.setup.logger.error('processes of a sandbox outlived SIGKILL', { sandbox, run, count: survivors.length });
  }
  return survivors;
}

async function close(state: State): Promise<DeathReport> {
  const began = state.setup.clock.monotonic();
  state.closing.abort();
  state.shell?.live.stop('cancelled');
  await state.line;
  const survivors = state.shell === undefined ? [] : await endShell(state, state.shell);
  // One that could not be opened was told of already.
  await (await state.network?.catch(() => undefined))?.close();
  return { sandbox: state.request.sandbox, ms: state.setup.clock.monotonic() - began, survivors };
}
