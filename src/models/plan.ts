// Owns the plan: which builds fit on these GPUs, with the arithmetic, and why others do not. Knows no file and no process.
import { closestWord } from '../base/closest.ts';
import { CaissonError } from '../base/errors.ts';
import type { FittingBuild, GpuGroup, MemoryShare, Plan, PlanWish, RefusedBuild } from '../contracts/model-plan.ts';
import { type Build, flagValue, isGguf, refusalOf, withFlags } from './build.ts';
import { commandFor } from './starting/commands.ts';
import { LEAST_CONTEXT, minimumBytes, mostContext, mostSequences, shareOf } from './memory.ts';
import { isNamed, plainName } from './profile.ts';

type Wish = Omit<PlanWish, 'gpus'>;

/** An engine splits a model over so many GPUs of one machine. */
const DEGREES = [1, 2, 4, 8] as const;
const ROUND_CONTEXT = 1024;
const GIGA = 1e9;

/** Throws `usage` for a model that no file knows. */
export function planBuilds(builds: readonly Build[], gpus: GpuGroup, wish: Wish): Plan {
  const wanted = wantedBuilds(builds, wish);
  return { engine: wish.engine, gpus, builds: wanted.map((build) => planBuild(adapted(build, gpus), gpus, wish)) };
}

/** The builds that the wish names; without a model, all that the engine can have anything to do with. */
export function wantedBuilds(
  builds: readonly Build[],
  { model, engine }: Pick<Wish, 'model' | 'engine'>,
): readonly Build[] {
  if (model === undefined) return builds.filter((build) => isGguf(build) === (engine === 'llamacpp'));
  const name = plainName(model);
  const exact = builds.filter((build) => isNamed(build, name));
  const found = exact.length > 0 ? exact : builds.filter((build) => build.model === name);
  if (found.length > 0) return found;
  const names = [...new Set(builds.flatMap((build) => [build.name, build.model]))];
  const meant = closestWord(name, names);
  throw new CaissonError(
    'usage',
    `--model ${model.slice(0, 100)}: no model file knows it${meant === undefined ? '' : `; did you mean "${meant}"?`}`,
    { hint: `Known: ${names.join(', ')}.` },
  );
}

/** A GPU that cannot compute in FP8 keeps keys and values in 16 bits. */
function adapted(build: Build, { fp8 }: GpuGroup): Build {
  const isNarrow = flagValue(build.flags, '--kv-cache-dtype') === 'fp8';
  return fp8 || !isNarrow ? build : { ...build, flags: withFlags(build.flags, ['--kv-cache-dtype=auto']) };
}

function planBuild(build: Build, gpus: GpuGroup, wish: Wish): FittingBuild | RefusedBuild {
  const minimum = minimumBytes(build);
  const makers = build.hardware === undefined ? {} : { makers: build.hardware };
  const refused = (reason: string): RefusedBuild => ({ build: build.name, fits: false, minimum, reason, ...makers });
  const cannot = refusalOf(build, wish.engine) ?? precisionProblem(build, gpus) ?? contextProblem(build, wish);
  if (cannot !== undefined) return refused(cannot);
  const degrees = DEGREES.filter((degree) => degree <= gpus.count);
  const enough = degrees.filter((degree) => degree * gpus.bytes >= minimum);
  const most = degrees.at(-1) ?? 1;
  if (enough.length === 0) return refused(tooSmall(minimum, most, gpus));
  const shares = enough.map((degree) => ({ degree, share: bestShare(build, gpus, degree, wish) }));
  const fitting = shares.find(({ share }) => share.needed <= share.usable);
  if (fitting === undefined) return refused(tooMuch(shares.at(-1)?.share, most, gpus));
  const { degree, share } = fitting;
  return {
    build: build.name,
    fits: true,
    gpus: degree,
    engines: Math.floor(gpus.count / degree),
    minimum,
    share,
    mostSequences: mostSequences(share),
    command: commandFor(build, wish.engine, {
      gpus: degree,
      contextTokens: share.contextTokens,
      sequences: slots(build, share, wish),
    }),
    remarks: remarksOn(build, gpus, share, wish),
  };
}

function precisionProblem({ precision }: Build, { name, fp8, nvfp4 }: GpuGroup): string | undefined {
  if (precision === 'fp8' && !fp8) return `${name} cannot compute in FP8`;
  return precision === 'nvfp4' && nvfp4 === 'none'
    ? `${name} cannot read NVFP4: no engine is known to run it there`
    : undefined;
}

function contextProblem({ contextTokens }: Build, wish: Wish): string | undefined {
  const { contextTokens: wanted = 0 } = wish;
  if (wanted <= contextTokens.maximum) return undefined;
  return `takes ${contextTokens.maximum} tokens of context at most, and ${wanted} are wanted`;
}

/** With the context that is wanted; where none is, the model's own or the longest that fits. */
function bestShare(build: Build, { bytes }: GpuGroup, gpus: number, wish: Wish): MemoryShare {
  const { sequences = 1, contextTokens } = wish;
  const usual = shareOf(build, {
    gpus,
    bytes,
    sequences,
    contextTokens: contextTokens ?? build.contextTokens.default,
  });
  if (contextTokens !== undefined || usual.needed <= usual.usable) return usual;
  const longest = Math.floor(mostContext(usual) / ROUND_CONTEXT) * ROUND_CONTEXT;
  return shareOf(build, { gpus, bytes, sequences, contextTokens: Math.max(longest, LEAST_CONTEXT) });
}

/** Sequences that the engine lets run at once: not all of them are long at the same time. */
function slots(build: Build, share: MemoryShare, { sequences }: Wish): number {
  if (sequences !== undefined) return sequences;
  const usual = Number(flagValue(build.flags, '--max-num-seqs') ?? 1);
  const short = mostSequences({ ...share, contextTokens: Math.min(LEAST_CONTEXT, share.contextTokens) });
  return isGguf(build) ? 1 : Math.max(1, Math.min(usual, short));
}

function tooSmall(minimum: number, most: number, { name, bytes }: GpuGroup): string {
  const there = `${most} × ${name}, over which one engine can split it, ${most === 1 ? 'has' : 'have'} ${gigabytes(most * bytes)}`;
  return `needs at least ${gigabytes(minimum)} in all; ${there}`;
}

function tooMuch(share: MemoryShare | undefined, gpus: number, { name }: GpuGroup): string {
  if (share === undefined) return 'does not fit';
  const { weights, workspace, sequences, contextTokens, kvPerToken, statePerSequence, needed, usable } = share;
  const each = sequences * (kvPerToken * contextTokens + statePerSequence);
  return (
    `on ${gpus} × ${name} each would hold ${gigabytes(needed)} (weights ${gigabytes(weights)}, workspace ${gigabytes(workspace)}, ` +
    `${sequences} × ${contextTokens} tokens ${gigabytes(each)}); an engine may take ${gigabytes(usable)} of it`
  );
}

function remarksOn(build: Build, { name, nvfp4 }: GpuGroup, share: MemoryShare, wish: Wish): readonly string[] {
  const { engine } = wish;
  const version = build.engines[engine]?.minimum_version;
  const behind = build.unconfirmed.filter(
    (path) => /^(?:weights_gb|memory)$/.test(path) || path.startsWith(`engines.${engine}`),
  );
  const isShort = wish.contextTokens === undefined && share.contextTokens < build.contextTokens.default;
  return [
    ...(version === undefined
      ? []
      : [`needs ${engine === 'triton' ? 'the Triton container' : engine} ${version} or newer`]),
    ...(build.precision === 'nvfp4' && nvfp4 === 'weights'
      ? [`${name} widens the four-bit weights as it reads them`]
      : []),
    ...(engine === 'trtllm' && build.memory.mamba !== undefined
      ? ['TensorRT-LLM keeps no prefixes of hybrid models: each turn computes its whole prompt again']
      : []),
    ...(isShort ? [`the context is cut to what fits; the model's own is ${build.contextTokens.default}`] : []),
    ...(behind.length === 0 ? [] : [`not confirmed: ${behind.join(', ')}`]),
  ];
}

function gigabytes(bytes: number): string {
  return `${(bytes / GIGA).toFixed(1)} GB`;
}
