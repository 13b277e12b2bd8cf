// Owns the loading of a model file: what it needs and what there is, what the engine says of a file it refuses. Knows no request.
import { setTimeout as delay } from 'node:timers/promises';
import { availableBytes, tooLarge } from '../fitness.ts';
import type { LoadOrder } from '../wire.ts';
import type { Context, Insights, Library, Llama, Model } from './library.ts';

/** Tokens of a slot where nobody says how many and the model takes more. */
const USUAL_CONTEXT = 32_768;
const LEAST_CONTEXT = 256;
/** Tokens of a prompt that are evaluated in one go: an abort waits for no more. */
export const BATCH = 512;
const LOG_LINES = 20;
/** Its words come from other threads, later than its errors. */
const LOG_MS = 100;

export interface Engine {
  readonly library: Library;
  readonly llama: Llama;
  readonly model: Model;
  readonly context: Context;
  readonly version: string;
  readonly order: LoadOrder;
}

export type LoadResult = { readonly engine: Engine } | { readonly refused: string };

/** Never rejects. */
export async function loadModel(library: Library, order: LoadOrder): Promise<LoadResult> {
  const said: string[] = [];
  const hear = (_level: string, message: string) => {
    said.push(message);
    if (said.length > LOG_LINES) said.shift();
  };
  try {
    const llama = await library.getLlama(settings(order, hear));
    const needs = await whatItNeeds(library, llama, order);
    const available = availableBytes();
    if (needs.bytes > available) return { refused: tooLarge(order, needs.bytes, available) };
    const model = await llama.loadModel({
      modelPath: order.file,
      gpuLayers: order.gpu ? 'auto' : 0,
      ignoreMemorySafetyChecks: true,
    });
    const context = await model.createContext({
      contextSize: needs.context,
      sequences: order.slots,
      threads: order.threads,
      batchSize: BATCH,
      ignoreMemorySafetyChecks: true,
    });
    const version = await library.getModuleVersion();
    return { engine: { library, llama, model, context, version, order } };
  } catch (error) {
    await delay(LOG_MS);
    return { refused: refusal(order, error, said) };
  }
}

function settings({ gpu, threads }: LoadOrder, logger: (level: string, message: string) => void) {
  return {
    gpu: gpu ? ('auto' as const) : (false as const),
    build: 'never' as const,
    skipDownload: true as const,
    progressLogs: false as const,
    maxThreads: threads,
    logLevel: 'warn',
    logger,
  };
}

async function whatItNeeds(library: Library, llama: Llama, order: LoadOrder) {
  const info = await library.readGgufFileInfo(order.file, { sourceType: 'filesystem', logWarnings: false });
  const insights = await library.GgufInsights.from(info, llama);
  const context = Math.max(LEAST_CONTEXT, order.context ?? usualContext(insights));
  if (order.gpu) return { context, bytes: 0 };
  const weights = insights.estimateModelResourceRequirements({ gpuLayers: 0 }).cpuRam;
  const state = insights.estimateContextResourceRequirements({
    contextSize: context,
    modelGpuLayers: 0,
    batchSize: BATCH,
    sequences: order.slots,
  }).cpuRam;
  return { context, bytes: weights + state };
}

function usualContext({ trainContextSize = USUAL_CONTEXT }: Insights): number {
  return Math.min(trainContextSize, USUAL_CONTEXT);
}

/** The engine's own words are in its log; its errors say next to nothing. */
function refusal({ file }: LoadOrder, error: unknown, said: readonly string[]): string {
  const words = said.flatMap((line) => /(?:error loading model|gguf_init\w*): (.+)/.exec(line)?.[1] ?? []);
  const own = error instanceof Error ? error.message : String(error);
  const reasons = [...new Set(words.length === 0 ? [own] : words)].join('; ');
  return `llama.cpp refuses the model file ${file}: ${reasons}`;
}
