// Owns rounds of sandboxes whose service, runner or client is killed at a random moment, and the look for all that they have left.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import type { SandboxSetup } from '../../src/sandbox/setup.ts';
import type { KillOrder } from './kill-host.ts';
import { makeBox } from './setup.ts';

export interface Rounds {
  readonly sandboxes: number;
  /** That each service opens at once. */
  readonly atOnce: number;
  /** A service is killed within so many milliseconds of its first word. */
  readonly withinMs: number;
}

/** Named as one would name it to remove it. */
export interface Left {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly groups: readonly string[];
  readonly sockets: readonly string[];
  readonly folders: readonly string[];
}

type Setup = Pick<SandboxSetup, 'boxesRoot' | 'canary' | 'toolbox' | 'hidden' | 'user' | 'groupName'>;

const HOST = new URL('kill-host.ts', import.meta.url).pathname;
/** Seconds that no other program sleeps. */
const MARK = '94321';
const COMMAND = `setsid sleep ${MARK} & (trap '' TERM; sleep ${MARK}) & head -c 9000 /dev/zero; sleep ${MARK}`;

/** `folderOfGroups`: the control group of sandboxes, if there is one. Resolves with what was left behind once another service had begun. */
export async function killRounds(
  { sandboxes, atOnce, withinMs }: Rounds,
  setup: Setup,
  folderOfGroups?: string,
): Promise<{ readonly killed: number; readonly lived: number; readonly left: Left }> {
  const before = { mounts: mounts(), folders: new Set(folders()) };
  let killed = 0;
  let lived = 0;
  for (let round = 0; killed < sandboxes; round += 1) {
    const boxes = Array.from({ length: Math.min(atOnce, sandboxes - killed) }, (_, index) =>
      makeBox(join(setup.boxesRoot, `r${round}-${index}`), setup.user),
    );
    const started =
      round % 2 === 0
        ? [await begin({ ...setup, role: 'service', boxes, command: COMMAND })]
        : await withRunner(setup, round, boxes);
    await delay(Math.random() * withinMs);
    if (boxes.some((box) => ofBox(box).length > 0)) lived += 1;
    // Of a pair, one alone, the other alone, or both at once.
    const victims = round % 6 === 1 ? started.slice(0, 1) : round % 6 === 3 ? started.slice(1) : started;
    await Promise.all(victims.map(kill));
    await delay(Math.random() * 20);
    await Promise.all(started.map(kill));
    killed += boxes.length;
  }
  const after = await begin({ ...setup, role: 'after' });
  if (after.exitCode === null) await once(after, 'exit');
  return { killed, lived, left: leftOf(setup, before, folderOfGroups) };
}

/** The runner first. */
async function withRunner(setup: Setup, round: number, boxes: readonly string[]): Promise<readonly ChildProcess[]> {
  const folder = join(setup.boxesRoot, '..', `sock-${round}`);
  mkdirSync(folder, { mode: 0o700 });
  const socket = join(folder, 'runner.sock');
  const runner = await begin({ ...setup, role: 'runner', socket });
  return [runner, await begin({ ...setup, role: 'client', socket, boxes, command: COMMAND })];
}

/** Resolves with its first word. */
async function begin(order: KillOrder): Promise<ChildProcess> {
  const child = spawn(process.execPath, [HOST, JSON.stringify(order)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function living(): readonly (readonly string[])[] {
  return listProcesses().flatMap(({ pid, state }) => (state === 'Z' ? [] : [commandLine(pid)]));
}

function ofBox(box: string): readonly (readonly string[])[] {
  return living().filter((words) => words.includes(`--private=${box}`));
}

function leftOf(
  { boxesRoot }: Setup,
  before: { readonly mounts: readonly string[]; readonly folders: ReadonlySet<string> },
  folderOfGroups: string | undefined,
): Left {
  const known = new Set(before.mounts);
  const root = join(boxesRoot, '..');
  const isOurs = (words: readonly string[]) =>
    words.some((word) => word.includes(root)) || (words[0] === 'sleep' && words[1] === MARK);
  return {
    processes: living().flatMap((words) => (isOurs(words) ? [words.join(' ').slice(0, 200)] : [])),
    mounts: mounts().filter((line) => !known.has(line) && line.includes(root)),
    groups: folderOfGroups === undefined ? [] : readdirSync(folderOfGroups).filter((name) => name.startsWith('box-')),
    // The file of a killed runner's socket lies in its folder until the next runner takes its place; nobody listens there.
    sockets: readFileSync('/proc/net/unix', 'latin1')
      .split('\n')
      .filter((line) => line.includes(root)),
    folders: folders().filter((name) => !before.folders.has(name) && isOfTheDead(name)),
  };
}

function mounts(): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
}

function folders(): readonly string[] {
  return readdirSync(tmpdir()).filter((name) => name.startsWith('caisson-own-') || name.startsWith('caisson-probe-'));
}

/** Other tests make such folders at the same time. */
function isOfTheDead(name: string): boolean {
  const pid = Number(/^caisson-own-(\d+)-/.exec(name)?.[1] ?? 0);
  return !listProcesses().some((one) => one.pid === pid);
}
