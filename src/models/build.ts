// Owns what one build of a model comes to: its own part of a model file over what all builds share. Knows no GPU.
import type { PlanEngine } from '../contracts/model-plan.ts';
import type { BuildValues, EngineValues, ModelFile } from './schema.ts';

export interface Build {
  readonly name: string;
  /** Name of the model it is a build of. */
  readonly model: string;
  readonly repository: string | undefined;
  readonly precision: BuildValues['precision'];
  /** GPUs that its makers name, in words. */
  readonly hardware: string | undefined;
  readonly weightsBytes: number;
  readonly parameters: number;
  readonly memory: NonNullable<ModelFile['memory']>;
  readonly contextTokens: { readonly default: number; readonly maximum: number };
  readonly engines: ModelFile['engines'];
  /** Of vLLM, those for the prefix cache last. One per name. */
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Paths of values that nobody has confirmed. */
  readonly unconfirmed: readonly string[];
}

const GIGA = 1e9;

export function buildsOf(file: ModelFile): readonly Build[] {
  const { model, memory, engines, unconfirmed = [] } = file;
  const { parameters, context_tokens: contextTokens } = model;
  if (memory === undefined || parameters === undefined || contextTokens === undefined) return [];
  return (file.builds ?? []).map((build) => ({
    name: build.name,
    model: model.name,
    repository: build.repository,
    precision: build.precision,
    hardware: build.hardware,
    weightsBytes: build.weights_gb * GIGA,
    parameters: parameters.total,
    memory,
    contextTokens,
    engines,
    flags: flagsOf(engines.vllm, build),
    environment: { ...engines.vllm?.environment, ...build.vllm?.environment },
    unconfirmed: [...(build.unconfirmed ?? []), ...unconfirmed],
  }));
}

/** GGUF files are llama.cpp's, all others are not. */
export function isGguf({ precision }: Pick<Build, 'precision'>): boolean {
  return precision.startsWith('q');
}

/** Why the engine cannot serve the build; undefined: it can. */
export function refusalOf(build: Build, engine: PlanEngine): string | undefined {
  if (isGguf(build) !== (engine === 'llamacpp'))
    return isGguf(build) ? `a GGUF file is for llama.cpp, not for ${engine}` : 'llama.cpp reads GGUF files only';
  const values = build.engines[engine];
  return values === undefined ? `its model file says nothing about ${engine}` : values.unavailable;
}

/** `--name` or `--name=value` → value; '' for a flag without one; undefined: it is not given. */
export function flagValue(flags: readonly string[], name: string): string | undefined {
  const flag = flags.find((one) => nameOf(one) === name);
  return flag?.slice(name.length + 1);
}

/** The later flag of a name takes the place of the earlier one. */
export function withFlags(flags: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Map([...flags, ...more].map((flag) => [nameOf(flag), flag])).values()];
}

function flagsOf(engine: EngineValues | undefined, build: BuildValues): readonly string[] {
  const { flags = [], prefix_caching_flags: caching = [] } = engine ?? {};
  return withFlags(withFlags(flags, build.vllm?.flags ?? []), caching);
}

function nameOf(flag: string): string {
  return flag.split('=')[0] ?? flag;
}
