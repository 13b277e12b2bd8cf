// Owns one real vLLM with the scripted model: its start, its numbers, its processes, its death. Knows no backend of ours.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { commandLine, listProcesses } from '../../../src/sandbox/processes.ts';
import { dieWithUs } from './guard.ts';
import type { Installation } from './install.ts';
import { playTexts } from './plays.ts';

export const MODEL = 'nemotron-scripted';
/** Tokens of prompt and answer together. */
export const CONTEXT = 16_384;
export const VERSION = '0.32.0';

export interface Vllm {
  /** With /v1. */
  readonly url: string;
  readonly root: string;
  /** The sum over the labels of a metric; 0 where it is not there. `labels`: a part of the text in braces. */
  metric(name: string, labels?: string): Promise<number>;
  /** The process with the model in it, which the server has started. */
  engine(): number | undefined;
  /** Asks it to end; who does not within the time is killed with all that belongs to it, as supervisors do. */
  end(graceMs: number): Promise<void>;
  /** The same server once more, after its death. */
  again(): Promise<void>;
  stop(): Promise<void>;
}

const TEMPLATE = join(import.meta.dirname, '..', '..', 'fixtures', 'prompting', 'templates', 'nano3.jinja');
const MAKER = join(import.meta.dirname, 'python', 'scripted_model.py');
/** On a busy machine; on one with two free cores it takes about 100 s. */
const READY_MS = 480_000;
const FLAGS = [
  ['--host', '127.0.0.1', '--served-model-name', MODEL],
  ['--dtype', 'float32', '--enforce-eager', '--max-model-len', String(CONTEXT)],
  ['--max-num-seqs', '16', '--max-num-batched-tokens', '4096'],
  ['--enable-auto-tool-choice', '--tool-call-parser', 'qwen3_coder', '--reasoning-parser', 'nemotron_v3'],
  ['--enable-prefix-caching', '--enable-prompt-tokens-details'],
  ['--structured-outputs-config', '{"backend":"xgrammar","disable_any_whitespace":true}'],
].flat();

export async function startVllm(installation: Installation): Promise<Vllm> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vllm-'));
  const model = join(folder, 'model');
  makeModel(installation, model);
  nameVllm(folder);
  const port = await freePort();
  const root = `http://127.0.0.1:${port}`;
  let child = launch(installation, folder, port);
  const stop = async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await ready(root, child, join(folder, 'said'));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `${root}/v1`,
    root,
    metric: async (name, labels = '') => sumOf(await numbersOf(root), name, labels),
    engine: () =>
      listProcesses().find(
        ({ parent, pid }) => parent === child.pid && commandLine(pid).join(' ').includes('EngineCore'),
      )?.pid,
    end: async (graceMs) => {
      child.kill('SIGTERM');
      await Promise.race([once(child, 'exit'), delay(graceMs)]);
      await end(child);
    },
    again: async () => {
      await end(child);
      child = launch(installation, folder, port);
      await ready(root, child, join(folder, 'said'));
    },
    stop,
  };
}

function makeModel({ python }: Installation, folder: string): void {
  const made = spawnSync(python, [MAKER, TEMPLATE, folder], { input: JSON.stringify(playTexts()), encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`the scripted model was not made: ${made.stderr}`);
}

/** The command line asks for the version of a package that is named vllm; this one has another name. */
function nameVllm(folder: string): void {
  const place = join(folder, 'names', `vllm-${VERSION}+cpu.dist-info`);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'METADATA'), `Metadata-Version: 2.1\nName: vllm\nVersion: ${VERSION}+cpu\n`);
}

/** A group of its own, so that all of it can be killed at once. */
function launch({ environment, python }: Installation, folder: string, port: number): ChildProcess {
  const said = openSync(join(folder, 'said'), 'a');
  const words = [join(environment, 'bin', 'vllm'), 'serve', join(folder, 'model'), '--port', String(port), ...FLAGS];
  const child = spawn(python, words, {
    detached: true,
    cwd: folder,
    stdio: ['ignore', said, said],
    env: {
      PATH: `${join(environment, 'bin')}:${process.env['PATH'] ?? ''}`,
      HOME: folder,
      PYTHONPATH: join(folder, 'names'),
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
      VLLM_NO_USAGE_STATS: '1',
      DO_NOT_TRACK: '1',
      VLLM_CPU_KVCACHE_SPACE: '1',
      VLLM_CPU_OMP_THREADS_BIND: 'nobind',
      OMP_NUM_THREADS: '1',
      LD_PRELOAD: join(environment, 'lib', 'libiomp5.so'),
    },
  });
  closeSync(said);
  dieWithUs(child);
  return child;
}

/** On a connection of its own: the server ends one that rests, maybe just when it is used again. */
async function numbersOf(root: string): Promise<string> {
  return (await fetch(`${root}/metrics`, { headers: { connection: 'close' } })).text();
}

async function ready(root: string, child: ChildProcess, said: string): Promise<void> {
  for (const until = Date.now() + READY_MS; Date.now() < until && child.exitCode === null; await delay(200)) {
    const answer = await fetch(`${root}/health`).catch(() => undefined);
    if (answer?.ok === true) return;
  }
  throw new Error(`vLLM did not start:\n${readFileSync(said, 'utf8').slice(-4000)}`);
}

async function end(child: ChildProcess): Promise<void> {
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // Nobody of the group lives any more.
  }
  await gone;
}

function sumOf(text: string, name: string, labels: string): number {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
