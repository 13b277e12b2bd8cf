// Owns the real service over scripted engines, each a process of its own, with a data directory and a key. Knows no SDK and no client.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import type { Sight } from './engine.ts';
import type { Scenes } from './scenes.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
const CAISSON = join(ROOT, 'bin', 'caisson');
const READY_MS = 60_000;
const STOP_MS = 15_000;

export interface Stage {
  /** Of the service, without a path. */
  readonly url: string;
  readonly key: string;
  readonly folder: string;
  /** Addresses of the engines by model. */
  readonly engines: Readonly<Record<string, string>>;
  /** What the engine behind a model saw of `scene:NAME#CASE`. */
  sight(model: string, scene: string): Promise<Sight>;
  /** Rejects if a process did not end by itself. */
  stop(): Promise<void>;
}

/** The service over engines that somebody else has started. */
export type Served = Pick<Stage, 'url' | 'key' | 'folder' | 'stop'>;

/** `models`: with the address of the engine of each, which ends in /v1. */
export async function startOver(models: readonly { readonly model: string; readonly url: string }[]): Promise<Served> {
  const folder = makeFolder();
  const child = startService(folder, models);
  const stop = async () => {
    await ended(child);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const url = await lineOf(child, /http:\S+/);
    return { url, key: await makeKey(folder), folder, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** One engine for each model: a death of one is no death of another. */
export async function startStage(models: readonly string[], scenes: Scenes): Promise<Stage> {
  const folder = makeFolder();
  const engines = new Map<string, Engine>();
  const children: ChildProcess[] = [];
  const stop = async () => {
    const ends = await Promise.allSettled(children.map(ended));
    rmSync(folder, { recursive: true, force: true });
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  };
  try {
    for (const engine of await Promise.all(models.map((model) => startEngine(model, scenes)))) {
      engines.set(engine.model, engine);
      children.push(engine.child);
    }
    const serve = startService(folder, [...engines.values()]);
    children.unshift(serve);
    const url = await lineOf(serve, /http:\S+/);
    const key = await makeKey(folder);
    const sight = async (model: string, scene: string) => {
      const answer = await fetch(`${engines.get(model)?.control}/${encodeURIComponent(scene)}`);
      return (await answer.json()) as Sight;
    };
    const addresses = Object.fromEntries([...engines.values()].map((engine) => [engine.model, engine.url]));
    return { url, key, folder, engines: addresses, sight, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function makeFolder(): string {
  const base = process.getuid?.() === 0 ? tmpdir() : join(homedir(), '.cache');
  mkdirSync(base, { recursive: true });
  return mkdtempSync(join(base, 'caisson-stage-'));
}

interface Engine {
  readonly model: string;
  readonly url: string;
  readonly control: string;
  readonly child: ChildProcess;
}

async function startEngine(model: string, scenes: Scenes): Promise<Engine> {
  const order = JSON.stringify({ models: [model], scenes });
  const child = spawn(process.execPath, [join(import.meta.dirname, 'engine.ts'), order], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said = JSON.parse(await lineOf(child, /\{.*/)) as { url: string; control: string };
  return { model, child, ...said };
}

function startService(folder: string, engines: readonly Pick<Engine, 'model' | 'url'>[]): ChildProcess {
  const config = join(folder, 'caisson.yaml');
  const backends = engines.map(({ model, url }) => ({ name: model, type: 'openai', url, models: [model] }));
  writeFileSync(config, stringify({ data_dir: join(folder, 'data'), model: engines[0]?.model, backends }));
  const words = [CAISSON, 'serve', '--config', config, '--port', '0'];
  return spawn(process.execPath, words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function makeKey(folder: string): Promise<string> {
  const words = [CAISSON, 'keys', 'create', 'tools', '--role', 'client', '--config', join(folder, 'caisson.yaml')];
  const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: folder });
  return stdout.trim();
}

/** The first match in what a program prints. Rejects with its words when it ends before. */
function lineOf(child: ChildProcess, pattern: RegExp): Promise<string> {
  const { stdout, stderr } = child;
  let errors = '';
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${child.spawnargs[1]} ${why}: ${errors}`));
    const timer = setTimeout(() => fail('was not ready in time'), READY_MS);
    child.once('exit', () => fail('ended before it was ready'));
    if (stdout === null) return;
    createInterface({ input: stdout }).on('line', (line) => {
      const found = pattern.exec(line)?.[0];
      if (found === undefined) return;
      clearTimeout(timer);
      resolve(found);
    });
  });
}

/** Rejects when the process has to be killed: a service that hears SIGTERM and goes on has forgotten something. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${child.spawnargs.slice(1, 3).join(' ')} was still there ${STOP_MS} ms after SIGTERM`));
    }, STOP_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
