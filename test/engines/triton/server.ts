// Owns one real tritonserver with scripted models: its start, its log of events, its death. Knows no backend of ours.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findTriton, type Installation } from './install.ts';

/** The dialects; `bls` and `ensemble` are both the classic one of TensorRT-LLM, `repeating` is it with all text so far. */
export const MODELS = ['vllm', 'bls', 'repeating', 'ensemble', 'llmapi'] as const;

export interface PlayEvent {
  readonly model: string;
  readonly event: string;
  readonly id: string;
}

export interface Triton {
  readonly address: string;
  readonly port: number;
  /** What the models did. */
  events(): readonly PlayEvent[];
  load(model: string, config?: object): Promise<void>;
  unload(model: string): Promise<void>;
  /** SIGKILL to the server and all its models. */
  kill(): void;
  stop(): Promise<void>;
}

const SOURCES = join(import.meta.dirname, 'models');
const READY_MS = 60_000;

/** `install` of this machine, or one line that says why the tests of Triton cannot run here; under CI that is a failure. */
export async function tritonOrWhy(): Promise<Installation | string> {
  const found = await findTriton();
  if (found.ok) return found.value;
  const why = `not run: no Triton for the tests: ${found.why}`;
  if (process.env['CI'] === 'true') throw new Error(why);
  return why;
}

export async function startTriton(
  installation: Installation,
  models: readonly (typeof MODELS)[number][] = MODELS,
  words: readonly string[] = [],
): Promise<Triton> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-triton-'));
  layModels(folder, models);
  layBackends(folder, installation);
  const log = join(folder, 'events');
  writeFileSync(log, '');
  const [http = 0, grpc = 0, metrics = 0] = await freePorts(3);
  const child = launch(installation, folder, { http, grpc, metrics }, words);
  const url = `http://127.0.0.1:${http}`;
  const shared = new Set<string>();
  const kill = () => {
    for (const file of sharedMemoryOf(child.pid ?? 0)) shared.add(file);
    killGroup(child);
  };
  await ready(url, child, join(folder, 'said'));
  return {
    address: `grpc://127.0.0.1:${grpc}`,
    port: grpc,
    events: () =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as PlayEvent),
    load: (model, config) =>
      repository(url, `${model}/load`, config === undefined ? {} : { parameters: { config: JSON.stringify(config) } }),
    unload: (model) => repository(url, `${model}/unload`, {}),
    kill,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        kill();
        await gone;
      }
      for (const file of shared) rmSync(file, { force: true });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function layModels(folder: string, models: readonly string[]): void {
  const configs: Readonly<Record<string, string>> = {
    vllm: 'backend: "vllm"\ninstance_group [ { kind: KIND_MODEL } ]\n',
    bls: 'backend: "python"\n',
    repeating: 'backend: "python"\nparameters { key: "accumulate_tokens" value { string_value: "true" } }\n',
    llmapi: 'backend: "python"\n',
    ensemble: readFileSync(join(SOURCES, 'ensemble.pbtxt'), 'utf8'),
  };
  for (const model of models) {
    mkdirSync(join(folder, 'models', model, '1'), { recursive: true });
    writeFileSync(join(folder, 'models', model, 'config.pbtxt'), configs[model] ?? '');
    const source = model === 'repeating' ? 'bls' : model;
    if (model === 'vllm') writeFileSync(join(folder, 'models', model, '1', 'model.json'), '{}');
    else if (model !== 'ensemble')
      symlinkSync(join(SOURCES, `${source}.py`), join(folder, 'models', model, '1', 'model.py'));
  }
}

/** The installation stays as it is. The library is a copy: Triton takes none that is a link to another folder. */
function layBackends(folder: string, { server, stub }: Installation): void {
  const python = join(folder, 'backends', 'python');
  const vllm = join(folder, 'backends', 'vllm');
  mkdirSync(python, { recursive: true });
  mkdirSync(vllm);
  const original = join(server, 'backends', 'python');
  for (const name of readdirSync(original)) cpSync(join(original, name), join(python, name), { recursive: true });
  if (!readdirSync(python).includes('triton_python_backend_stub'))
    symlinkSync(stub, join(python, 'triton_python_backend_stub'));
  symlinkSync(join(SOURCES, 'playback.py'), join(python, 'playback.py'));
  symlinkSync(join(SOURCES, 'vllm.py'), join(vllm, 'model.py'));
}

interface Ports {
  readonly http: number;
  readonly grpc: number;
  readonly metrics: number;
}

function launch(
  { server, libraries, python }: Installation,
  folder: string,
  { http, grpc, metrics }: Ports,
  words: readonly string[],
): ChildProcess {
  const ask = 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))';
  const pythonLibraries = spawnSync(python, ['-c', ask], { encoding: 'utf8' }).stdout.trim();
  const flags = [
    `--model-repository=${join(folder, 'models')}`,
    `--backend-directory=${join(folder, 'backends')}`,
    ...['http', 'grpc', 'metrics'].map((kind) => `--${kind}-address=127.0.0.1`),
    `--http-port=${http}`,
    `--grpc-port=${grpc}`,
    `--metrics-port=${metrics}`,
    '--allow-gpu-metrics=false',
    '--pinned-memory-pool-byte-size=0',
    '--model-control-mode=explicit',
    '--load-model=*',
    ...words,
  ];
  // A shell of its own group, so that its words go to a file and all of it can be killed at once.
  return spawn(
    'sh',
    ['-c', 'exec "$0" "$@" > "$PLAY_FOLDER/said" 2>&1', join(server, 'bin', 'tritonserver'), ...flags],
    {
      detached: true,
      stdio: 'ignore',
      env: {
        PATH: `${join(python, '..')}:${process.env['PATH'] ?? ''}`,
        LD_LIBRARY_PATH: `${libraries}:${pythonLibraries}`,
        PYTHONDONTWRITEBYTECODE: '1',
        PLAY_LOG: join(folder, 'events'),
        PLAY_FOLDER: folder,
      },
    },
  );
}

async function ready(url: string, child: ChildProcess, said: string): Promise<void> {
  const until = Date.now() + READY_MS;
  while (Date.now() < until && child.exitCode === null) {
    const answer = await fetch(`${url}/v2/health/ready`).catch(() => undefined);
    if (answer?.ok === true) return;
    await delay(50);
  }
  killGroup(child);
  const wrong = readFileSync(said, 'utf8')
    .split('\n')
    .filter((line) => /^E\d|^error|failed/i.test(line));
  throw new Error(`Triton did not start:\n${wrong.join('\n').slice(0, 4000)}`);
}

async function repository(url: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${url}/v2/repository/models/${path}`, { method: 'POST', body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // Nobody of the group lives any more.
  }
}

/** Files that a server maps, and that it leaves behind when it is killed. */
function sharedMemoryOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/maps`, 'utf8').match(/\/dev\/shm\/triton_\S+/g) ?? [];
  } catch {
    return [];
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  return servers.map((server) => {
    const address = server.address();
    server.close();
    return typeof address === 'object' ? (address?.port ?? 0) : 0;
  });
}
