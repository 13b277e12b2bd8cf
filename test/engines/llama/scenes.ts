// Owns what the tests of llama.cpp share: the engine that they install, a model that recites, a backend on it. Knows no test.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { silentLogger } from '../../../src/base/logger.ts';
import type { ConfigValues } from '../../../src/config/schema.ts';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { createBackends } from '../../../src/engines.ts';
import type { LlamaBackend } from '../../../src/backends/llama/backend.ts';
import { installNode } from '../../sdk/install.ts';
import { withLock } from '../lock.ts';
import { gathered } from '../../unit/backends/engine.ts';
import { gather } from '../../unit/backends/events.ts';
import { configOf } from '../../whole/house.ts';
import { mark, type Play, type ScriptedModel, writeScriptedModel } from './scripted-model.ts';

const SOURCE = join(import.meta.dirname, '../../../deploy/engines/llama');
const TEMPLATE = join(import.meta.dirname, '../../fixtures/prompting/templates/nano3.jinja');
/** Its profile is found by this name. */
export const MODEL = 'NVIDIA-Nemotron-3-Nano-30B-A3B-Q4_0';

/** Where the engine is installed, or one line that says why these tests cannot run here; under CI that is a failure. */
export async function engineOrWhy(): Promise<{ readonly folder: string } | string> {
  if (process.arch !== 'x64') return refuse('the engine of the tests is built for x86-64 only');
  const installed = await withLock('llama', () => installNode('llama', SOURCE, 'ci', join(SOURCE, '.npmrc')));
  return installed.ok ? installed : refuse(`type: npm ci --prefix deploy/engines/llama (${installed.why})`);
}

function refuse(why: string): string {
  if (process.env['CI'] === 'true') throw new Error(why);
  return `not run: no llama.cpp for the tests: ${why}`;
}

/** A folder for model files, removed after the tests of the file. */
export async function modelFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-llama-'));
  after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the path of the file. */
export async function writeModel(
  folder: string,
  plays: readonly Play[],
  more: Partial<ScriptedModel> = {},
): Promise<string> {
  const file = join(folder, `${MODEL}.gguf`);
  await writeScriptedModel(file, { template: await readFile(TEMPLATE, 'utf8'), plays, ...more });
  return file;
}

type BackendWords = Partial<NonNullable<ConfigValues['backends']>[number]>;

/** Words of a configuration for the model file. */
export function settingsOf(engine: { readonly folder: string }, file: string, more: BackendWords = {}) {
  return {
    backends: [{ name: 'here', type: 'llama', model_file: file, threads: 1, engine_folder: engine.folder, ...more }],
    model: more.models?.[0] ?? MODEL,
  };
}

/** Made from the configuration alone, as a service makes it. */
export async function backendOf(settings: ReturnType<typeof settingsOf>): Promise<LlamaBackend> {
  const config = await configOf(tmpdir(), settings);
  const [backend] = await createBackends(config, { allowRecorded: false, logger: silentLogger });
  if (!isLlama(backend)) throw new Error('it is another backend');
  return backend;
}

function isLlama(backend: object | undefined): backend is LlamaBackend {
  return backend !== undefined && 'meter' in backend;
}

export const patience = (): AbortSignal => AbortSignal.timeout(120_000);

export function asked(play: number, more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: MODEL, messages: [{ role: 'user', content: `Go on. ${mark(play)}` }], ...more };
}

interface Call {
  readonly name?: string;
  readonly arguments?: string;
  readonly complete?: boolean;
}

/** The answer joined; ids of calls are made anew each time, so they are left out. */
export async function answer(backend: LlamaBackend, request: ChatRequest, signal = patience()) {
  const { calls, rest, ...words } = gathered(await gather(backend.stream(request, signal)));
  const usage = rest.find((event): event is Extract<ModelEvent, { type: 'usage' }> => event.type === 'usage');
  return {
    ...words,
    calls: calls.map((one) => ({ ...(one as Call), id: undefined })),
    rest: rest.filter(({ type }) => type !== 'usage'),
    usage: usage ?? { type: 'usage' as const, promptTokens: 0, completionTokens: 0 },
  };
}

/** Waits until nothing is at work in the engine. */
export async function quiet(backend: LlamaBackend): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (backend.meter().active === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`the engine still works: ${JSON.stringify(backend.meter())}`);
}
