// Owns the container engine of these tests: the one that answers here, else one of its own, which leaves nothing behind. Knows no image.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';

/** The distribution's own client stands first: it builds with what its engine has. */
const CLIENTS = ['/usr/bin/docker', 'docker'] as const;
const START_MS = 60_000;
const STOP_MS = 30_000;
const POLL_MS = 250;

export interface Engine {
  readonly client: string;
  /** Words before every command: which engine is meant. */
  readonly words: readonly string[];
}

export interface OpenEngine {
  readonly engine: Engine;
  /** Ends an engine that was started here, and removes its images and containers with it. */
  readonly stop: () => Promise<void>;
}

export interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Never rejects for what the command says; 127 where there is no client. */
export async function docker(engine: Engine, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Done> {
  const options = { reject: false, stdin: 'ignore', env: { ...process.env, ...env }, maxBuffer: 64 << 20 } as const;
  const { exitCode = 127, stdout, stderr } = await execa(engine.client, [...engine.words, ...words], options);
  return { code: exitCode, stdout, stderr };
}

/** The same for what must succeed: its output. Rejects with the last words of the command. */
export async function must(engine: Engine, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await docker(engine, words, env);
  if (code === 0) return stdout.trim();
  throw new Error(`docker ${words.slice(0, 3).join(' ')} … failed (${code}):\n${`${stdout}\n${stderr}`.slice(-4000)}`);
}

export async function openEngine(): Promise<OpenEngine> {
  for (const client of CLIENTS) {
    const engine = { client, words: [] };
    if (await answers(engine)) return { engine, stop: async () => {} };
  }
  return startEngine();
}

async function startEngine(): Promise<OpenEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-docker-'));
  const host = `unix://${join(folder, 'sock')}`;
  const log = join(folder, 'log');
  // Neither a bridge nor rules of a firewall: the host is as before when the engine has gone.
  const places = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '-p', join(folder, 'pid')];
  const words = [...places, '--bridge=none', '--iptables=false', '-H', host];
  const file = openSync(log, 'a');
  const child = spawn('dockerd', words, { stdio: ['ignore', file, file], detached: true });
  const gone = once(child, 'exit').catch(() => []);
  const engine = { client: CLIENTS[0], words: ['-H', host] };
  const stop = async () => {
    child.kill('SIGTERM');
    if ((await Promise.race([gone, delay(STOP_MS, 'late', { ref: false })])) === 'late') child.kill('SIGKILL');
    await gone;
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_MS;
  while (!(await answers(engine))) {
    if (child.exitCode === null && Date.now() < deadline) {
      await delay(POLL_MS);
      continue;
    }
    const said = await readFile(log, 'utf8').catch(() => '');
    await stop();
    throw new Error(`the container engine does not start here:\n${said.slice(-2000)}`);
  }
  return { engine, stop };
}

async function answers(engine: Engine): Promise<boolean> {
  return (await docker(engine, ['info'])).code === 0;
}
