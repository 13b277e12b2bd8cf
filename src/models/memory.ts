// Owns the arithmetic of memory: weights, KV and Mamba state, on one GPU or split over several. All sizes are bytes. Knows no GPU's name.
import type { MemoryShare } from '../contracts/model-plan.ts';
import { type Build, flagValue, isGguf } from './build.ts';

/** CUDA context, graphs and activations of one GPU. */
const WORKSPACE = 1e9;
/** An agent has no room to work below that. */
export const LEAST_CONTEXT = 16_384;
/** What engines take of a GPU unless they are told otherwise. */
export const UTILIZATION = 0.9;
/** The makers' recipes ask for a fifth more than parameters times bits. */
const RECIPE_RESERVE = 1.2;

const BITS: Readonly<Record<Build['precision'], number>> = { bf16: 16, fp8: 8, nvfp4: 4, q8_0: 8, q4_0: 4 };
const BITS_PER_BYTE = 8;
const KEY_AND_VALUE = 2;
const HALF_BYTES = 2;
const FLOAT_BYTES = 4;

/**
 * The least memory of all GPUs together: what the makers' recipes ask for, or the weights with one short sequence where that is more.
 */
export function minimumBytes(build: Build): number {
  const recipe = ((build.parameters * BITS[build.precision]) / BITS_PER_BYTE) * RECIPE_RESERVE;
  return Math.max(recipe, shareOf(build, { gpus: 1, bytes: 0, contextTokens: LEAST_CONTEXT, sequences: 1 }).needed);
}

export interface Load {
  /** That the model is split over. */
  readonly gpus: number;
  /** Of each. */
  readonly bytes: number;
  readonly contextTokens: number;
  readonly sequences: number;
}

/** What one GPU holds. A KV head is never split: beyond their number more GPUs hold copies. */
export function shareOf(build: Build, { gpus, bytes, contextTokens, sequences }: Load): MemoryShare {
  const { attention } = build.memory;
  const weights = build.weightsBytes / gpus;
  const kvPerToken = kvBytesPerToken(build) / Math.min(gpus, attention.kv_heads);
  const statePerSequence = stateBytesPerSequence(build) / gpus;
  return {
    weights,
    workspace: WORKSPACE,
    kvPerToken,
    statePerSequence,
    contextTokens,
    sequences,
    needed: weights + WORKSPACE + sequences * (kvPerToken * contextTokens + statePerSequence),
    usable: bytes * UTILIZATION,
  };
}

/** Sequences of that context that fit beside the weights; 0: not one. */
export function mostSequences({
  weights,
  workspace,
  usable,
  kvPerToken,
  statePerSequence,
  contextTokens,
}: MemoryShare) {
  const room = usable - weights - workspace;
  return Math.max(0, Math.floor(room / (kvPerToken * contextTokens + statePerSequence)));
}

/** The longest context of so many sequences; 0: not even their state fits. */
export function mostContext({ weights, workspace, usable, kvPerToken, statePerSequence, sequences }: MemoryShare) {
  const room = usable - weights - workspace - sequences * statePerSequence;
  return Math.max(0, Math.floor(room / (sequences * kvPerToken)));
}

function kvBytesPerToken(build: Build): number {
  const { layers, kv_heads: heads, head_size: size } = build.memory.attention;
  const bytes = !isGguf(build) && flagValue(build.flags, '--kv-cache-dtype') === 'fp8' ? 1 : HALF_BYTES;
  return KEY_AND_VALUE * layers * heads * size * bytes;
}

/** The state itself, and the last inputs that the convolution looks back at. */
function stateBytesPerSequence(build: Build): number {
  const { mamba } = build.memory;
  if (mamba === undefined) return 0;
  const isHalf = !isGguf(build) && flagValue(build.flags, '--mamba-ssm-cache-dtype') === 'float16';
  const inner = mamba.heads * mamba.head_size;
  const state = inner * mamba.state_size * (isHalf ? HALF_BYTES : FLOAT_BYTES);
  const convolution = (inner + KEY_AND_VALUE * mamba.groups * mamba.state_size) * (mamba.convolution - 1) * HALF_BYTES;
  return mamba.layers * (state + convolution);
}
