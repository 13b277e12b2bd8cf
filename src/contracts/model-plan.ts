// Owns the words for what a model needs, what a machine has, and what fits. Sizes are bytes. Knows no file and no engine.

/** Engines that a plan can start a model on. */
export const PLAN_ENGINES = ['vllm', 'triton', 'trtllm', 'nim', 'llamacpp'] as const;
export type PlanEngine = (typeof PLAN_ENGINES)[number];

/** Equal GPUs of one machine. */
export interface GpuGroup {
  readonly name: string;
  readonly count: number;
  /** Of each. */
  readonly bytes: number;
  readonly fp8: boolean;
  /** `weights`: four-bit weights are widened as they are read; the arithmetic is that of 16 bits. */
  readonly nvfp4: 'native' | 'weights' | 'none';
}

/** Of one GPU, while `sequences` of `contextTokens` are at work on all of the engine's GPUs. */
export interface MemoryShare {
  readonly weights: number;
  /** CUDA context, graphs and activations. */
  readonly workspace: number;
  readonly kvPerToken: number;
  /** Fixed, whatever the length of the sequence. */
  readonly statePerSequence: number;
  readonly contextTokens: number;
  readonly sequences: number;
  /** Weights, workspace, and KV and state of the sequences. */
  readonly needed: number;
  /** What the engine may take of the GPU. */
  readonly usable: number;
}

export interface FittingBuild {
  readonly build: string;
  readonly fits: true;
  /** GPUs that the engine splits the model over. */
  readonly gpus: number;
  /** Engines side by side on the GPUs that are there. */
  readonly engines: number;
  /** Of all GPUs together. */
  readonly minimum: number;
  readonly share: MemoryShare;
  /** Sequences of that context that fit at once. */
  readonly mostSequences: number;
  /** Lines ready for a shell, with the files they need as here-documents. */
  readonly command: readonly string[];
  /** Facts behind this that nobody has confirmed, and what is to be known. */
  readonly remarks: readonly string[];
}

export interface RefusedBuild {
  readonly build: string;
  readonly fits: false;
  readonly minimum: number;
  readonly reason: string;
  /** GPUs that its makers name. */
  readonly makers?: string;
}

export interface Plan {
  readonly engine: PlanEngine;
  readonly gpus: GpuGroup;
  readonly builds: readonly (FittingBuild | RefusedBuild)[];
}

export interface PlanWish {
  /** As `2xH100-80`; absent: what nvidia-smi says. */
  readonly gpus?: string;
  /** A build, or all builds of a model. */
  readonly model?: string;
  readonly contextTokens?: number;
  readonly sequences?: number;
  readonly engine: PlanEngine;
}

/** One served model, as `caisson models` lists it. */
export interface ListedModel {
  readonly id: string;
  readonly backend: string;
  /** That the engine takes; absent: it does not say. */
  readonly contextTokens?: number;
  /** Name of the model file that says how to speak with it; `generic` where none does. */
  readonly profile: string;
  readonly aliases: readonly string[];
  /** What a person should know, in words. */
  readonly remarks: readonly string[];
}
