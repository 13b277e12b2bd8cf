// Owns a real executor for tests, as root (commands run as the dedicated user) and as an ordinary user. Cleans up after each test.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { rgPath } from '@vscode/ripgrep';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { EgressProfile } from '../../src/contracts/egress.ts';
import type { ExecOutcome, Executor, OpenSandbox, SandboxLimits } from '../../src/contracts/executor.ts';
import { createExecutor } from '../../src/sandbox/executor.ts';
import { type CommandUser, findUser } from '../../src/sandbox/command-user.ts';
import { commandUser, insidePaths, type InsidePaths, type SandboxSetup } from '../../src/sandbox/setup.ts';
import { fillToolbox } from '../../src/sandbox/toolbox.ts';
import { whyEnded } from '../../src/sandbox/fitness.ts';
import { runProbe } from '../../src/sandbox/probing/probe.ts';
import { prepareKeep, sweepKeeps } from '../../src/sandbox/watching/keep.ts';

export const LIMITS: SandboxLimits = {
  processes: 128,
  processMemoryBytes: 1024 * 1024 * 1024,
  memoryBytes: 4 * 1024 ** 3,
  openFiles: 4096,
  fileBytes: 64 * 1024 * 1024,
  diskBytes: 4 * 1024 ** 3,
  diskFiles: 500_000,
  cpuSeconds: 60,
};

export const keeping: SandboxSetup['keeping'] = async () => ({ prepareKeep, sweepKeeps });

export const fitness: SandboxSetup['fitness'] = async () => ({ whyEnded });

export const probing: SandboxSetup['probing'] = async () => ({ runProbe });

export interface TestSandbox {
  readonly executor: Executor;
  readonly setup: SandboxSetup;
  readonly user: CommandUser;
  readonly inside: InsidePaths;
  readonly boxesRoot: string;
  /** A new box owned by the user of the commands. */
  newBox(name: string): string;
  /** Opens a sandbox on a new box; fails the test if it cannot be opened. */
  open(name: string, box?: string, limits?: Partial<SandboxLimits>, egress?: EgressProfile): Promise<OpenBox>;
}

export interface OpenBox {
  readonly id: string;
  readonly box: string;
  /** The work tree as seen inside. */
  readonly work: string;
  run(
    command: string,
    options?: { readonly timeoutMs?: number; readonly stdin?: string; readonly keep?: boolean },
  ): Promise<ExecOutcome>;
  /** The text of the command's output. */
  text(command: string): Promise<string>;
}

/** The dedicated user, when this process is root. Made if it is missing. */
export function dedicatedUser(): CommandUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  if (findUser('caisson') === undefined)
    execFileSync('useradd', ['--system', '--create-home', '--shell', '/bin/sh', 'caisson']);
  return findUser('caisson');
}

/** `changes` replace parts of the setup; what they name must be cleaned up by the test. */
export async function testSandbox(t: TestContext, changes: Partial<SandboxSetup> = {}): Promise<TestSandbox> {
  const user = dedicatedUser();
  const base = user === undefined ? join(homedir(), '.cache') : user.home;
  mkdirSync(base, { recursive: true });
  const root = mkdtempSync(join(base, 'caisson-test-'));
  chmodSync(root, 0o711);
  const boxesRoot = join(root, 'runs');
  mkdirSync(boxesRoot, { mode: 0o711 });
  const canary = join(root, 'canary');
  writeFileSync(canary, 'the service can read this\n', { mode: 0o644 });
  const toolbox = join(base, 'caisson-test-toolbox');
  await fillToolbox(toolbox, { node: process.execPath, rg: rgPath });
  const setup: SandboxSetup = {
    boxesRoot,
    hidden: [root],
    canary,
    toolbox,
    ...(user === undefined ? {} : { user }),
    keeping,
    probing,
    fitness,
    clock: systemClock,
    logger: silentLogger,
    ...changes,
  };
  const executor = createExecutor(setup);
  t.after(async () => {
    await executor.dispose();
    rmSync(root, { recursive: true, force: true });
  });
  const newBox = (name: string) => makeBox(join(setup.boxesRoot, name), user);
  return {
    executor,
    setup,
    user: commandUser(setup),
    inside: insidePaths(commandUser(setup)),
    boxesRoot: setup.boxesRoot,
    newBox,
    open: (name, box, limits, egress) =>
      openBox(executor, {
        sandbox: name,
        run: name,
        purpose: 'agent',
        box: box ?? newBox(name),
        limits: { ...LIMITS, ...limits },
        ...(egress === undefined ? {} : { egress }),
      }),
  };
}

export function makeBox(folder: string, user: CommandUser | undefined): string {
  const box = join(folder, 'box');
  const parts = [folder, box, join(box, 'work'), join(box, 'home'), join(box, 'out')];
  for (const path of parts) mkdirSync(path, { mode: 0o755 });
  writeFileSync(join(box, '.bashrc'), '');
  if (user !== undefined)
    for (const path of [...parts.slice(1), join(box, '.bashrc')]) chownSync(path, user.uid, user.gid);
  return box;
}

async function openBox(executor: Executor, request: OpenSandbox): Promise<OpenBox> {
  const { sandbox: id, box } = request;
  const opened = await executor.open(request);
  if (!opened.ok) throw new Error(`the sandbox did not open: ${opened.error.code} ${opened.error.message}`);
  let count = 0;
  const run: OpenBox['run'] = async (command, { timeoutMs = 20_000, stdin, keep = false } = {}) => {
    count += 1;
    const base = { sandbox: id, exec: `exe_${count}`, command, timeoutMs, outputBytes: 8192, keep };
    const done = await executor.exec(stdin === undefined ? base : { ...base, stdin });
    if (!done.ok) throw new Error(`the command did not run: ${done.error.code} ${done.error.message}`);
    return done.value;
  };
  return { id, box, work: opened.value.workPath, run, text: async (command) => (await run(command)).output.head };
}
