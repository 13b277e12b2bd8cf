// Owns the figures of the sandbox: a launch with its checks against the same command line bare, a command against the bare command.
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { rgPath } from '@vscode/ripgrep';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { launchPlan } from '../../src/sandbox/argv.ts';
import { createExecutor } from '../../src/sandbox/executor.ts';
import { isInContainer } from '../../src/sandbox/launch.ts';
import { writeProfile } from '../../src/sandbox/profile.ts';
import type { SandboxSetup } from '../../src/sandbox/setup.ts';
import { fillToolbox, putInBox } from '../../src/sandbox/toolbox.ts';
import { dedicatedUser, fitness, keeping, LIMITS, makeBox, probing } from '../sandbox/setup.ts';
import type { Figure } from './figure.ts';
import { ratios, spreadOf } from './measure.ts';

const LAUNCHES = 3;
const COMMANDS = 20;

export async function sandboxFigures(rounds: number): Promise<readonly Figure[]> {
  const user = dedicatedUser();
  const base = user?.home ?? join(homedir(), '.cache');
  mkdirSync(base, { recursive: true });
  const root = mkdtempSync(join(base, 'caisson-bench-'));
  chmodSync(root, 0o711);
  try {
    const setup: SandboxSetup = {
      boxesRoot: join(root, 'runs'),
      hidden: [root],
      canary: join(root, 'canary'),
      toolbox: join(base, 'caisson-test-toolbox'),
      ...(user === undefined ? {} : { user }),
      keeping,
      probing,
      fitness,
      clock: systemClock,
      logger: silentLogger,
    };
    mkdirSync(setup.boxesRoot, { mode: 0o711 });
    writeFileSync(setup.canary, 'canary\n', { mode: 0o644 });
    await fillToolbox(setup.toolbox, { node: process.execPath, rg: rgPath });
    return await measure(setup, makeBox(join(setup.boxesRoot, 'bench'), user), rounds);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function measure(setup: SandboxSetup, box: string, rounds: number): Promise<readonly Figure[]> {
  const executor = createExecutor(setup);
  const profile = writeProfile(setup.hidden);
  await putInBox(setup.toolbox, box);
  const ours: number[] = [];
  const bare: number[] = [];
  const added: number[] = [];
  let count = 0;
  const opened: string[] = [];
  const open = async () => {
    count += 1;
    const sandbox = `bench-${count}`;
    opened.push(sandbox);
    const done = await executor.open({ sandbox, run: 'bench', purpose: 'agent', box, limits: LIMITS });
    if (!done.ok) throw new Error(done.error.message);
    return sandbox;
  };
  for (let round = 0; round <= rounds; round += 1) {
    const [left, right] = [
      await timed(LAUNCHES, open),
      await timed(LAUNCHES, () => launchBare(setup, profile.path, box)),
    ];
    const sandbox = await open();
    const inside = await timed(COMMANDS, () =>
      executor.exec({ sandbox, exec: 'x', command: '/bin/true', timeoutMs: 9000, outputBytes: 100, keep: false }),
    );
    const outside = await timed(COMMANDS, () => run('/bin/true', []));
    await Promise.all(opened.splice(0).map((one) => executor.close(one)));
    if (round === 0) continue;
    ours.push(left);
    bare.push(right);
    added.push(inside - outside);
  }
  await executor.dispose();
  profile.dispose();
  return [
    { what: 'sandbox start, checks included / the same argv bare', spread: ratios(ours, bare), unit: '×', bar: 1.2 },
    { what: 'sandbox start, checks included', spread: spreadOf(ours), unit: 'ms', bar: 500 },
    { what: 'next command in the live sandbox over the bare command', spread: spreadOf(added), unit: 'ms', bar: 5 },
  ];
}

/** Milliseconds of one, the median of some. */
async function timed(times: number, work: () => Promise<unknown>): Promise<number> {
  const all: number[] = [];
  for (let index = 0; index < times; index += 1) {
    const began = performance.now();
    await work();
    all.push(performance.now() - began);
  }
  return spreadOf(all).median;
}

function launchBare(setup: SandboxSetup, profile: string, box: string): Promise<void> {
  const program = ['bash', '--noprofile', '--norc', '-c', 'true'];
  const plan = launchPlan({ profile, box, limits: LIMITS, program, inContainer: isInContainer() }, setup);
  const [file = '', ...args] = plan.argv.filter((word) => !word.startsWith('--keep-fd'));
  return run(file, args, {
    env: plan.env,
    ...(setup.user === undefined ? {} : { uid: setup.user.uid, gid: setup.user.gid }),
  });
}

function run(file: string, args: readonly string[], options: object = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...options });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${file} ended with ${code}`))));
  });
}
