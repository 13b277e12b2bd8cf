// Owns `caisson plan`: which builds of models fit on these GPUs, and how they are started. Starts nothing and needs no service.
import { CaissonError } from '../../base/errors.ts';
import {
  type FittingBuild,
  type GpuGroup,
  type Plan,
  PLAN_ENGINES,
  type PlanEngine,
  type PlanWish,
} from '../../contracts/model-plan.ts';
import { makeCompose, makePlan } from '../../offline.ts';
import { type Command, type Context, type ExitCode, type Flags, textFlag } from '../context.ts';

const GIGA = 1e9;
const MOST_TOKENS = 100_000_000;
const MOST_SEQUENCES = 100_000;

export const planCommand: Command = {
  usage: '[--gpus 2xH100-80] [--model NAME]',
  summary: 'which builds of Nemotron fit on which GPUs, and how each engine is started',
  flags: {
    gpus: { type: 'string', value: 'GPUS', help: 'as 2xH100-80 (what nvidia-smi shows)' },
    engine: { type: 'string', value: 'NAME', help: `${PLAN_ENGINES.join(', ')} (vllm)` },
    context: { type: 'string', value: 'TOKENS', help: "of each sequence (the model's own, or the longest that fits)" },
    sequences: { type: 'string', value: 'COUNT', help: 'of full length that must fit at once (1)' },
    compose: { type: 'boolean', help: 'print the compose file for --model instead (on one GPU, or on --gpus)' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [0, 0],
  run: runPlan,
};

/** 1 if nothing fits. */
async function runPlan(context: Context): Promise<ExitCode> {
  const { terminal, flags } = context;
  const wish = wishOf(flags);
  if (flags['compose'] === true) {
    terminal.line((await makeCompose(await context.config(), wish)).trimEnd());
    return 0;
  }
  const { plan, problems } = await makePlan(await context.config(), wish);
  if (flags['json'] === true) terminal.line(JSON.stringify({ ...plan, problems }));
  else {
    for (const line of linesOf(plan)) terminal.line(line);
    for (const problem of problems) terminal.remark(problem);
  }
  return plan.builds.some(({ fits }) => fits) ? 0 : 1;
}

function wishOf(flags: Flags): PlanWish {
  const [gpus, model] = [textFlag(flags, 'gpus'), textFlag(flags, 'model')];
  const contextTokens = countOf(flags, 'context', MOST_TOKENS);
  const sequences = countOf(flags, 'sequences', MOST_SEQUENCES);
  return {
    engine: engineOf(textFlag(flags, 'engine') ?? 'vllm'),
    ...(gpus === undefined ? {} : { gpus }),
    ...(model === undefined ? {} : { model }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(sequences === undefined ? {} : { sequences }),
  };
}

function engineOf(text: string): PlanEngine {
  const engine = PLAN_ENGINES.find((name) => name === text);
  if (engine === undefined) throw new CaissonError('usage', `--engine ${text}: give one of ${PLAN_ENGINES.join(', ')}`);
  return engine;
}

function countOf(flags: Flags, name: string, most: number): number | undefined {
  const text = textFlag(flags, name);
  if (text === undefined) return undefined;
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && count <= most) return count;
  throw new CaissonError('usage', `--${name} ${text}: give a whole number from 1 to ${most}`);
}

function linesOf({ engine, gpus, builds }: Plan): readonly string[] {
  const fitting = builds.filter((build) => build.fits);
  const refused = builds.filter((build) => !build.fits);
  return [
    machineLine(gpus),
    ...fitting.flatMap((build) => ['', ...fittingLines(build, engine)]),
    ...(refused.length === 0 ? [] : ['']),
    ...refused.flatMap(({ build, reason, makers }) => [
      `no    ${build}: ${reason}`,
      ...(makers === undefined ? [] : [`      its makers name: ${makers}`]),
    ]),
  ];
}

function machineLine({ name, count, bytes, fp8, nvfp4 }: GpuGroup): string {
  const four = { native: 'NVFP4', weights: 'NVFP4 weights only', none: 'no NVFP4' }[nvfp4];
  return `${count} × ${name}: ${gigabytes(count * bytes)} GB in all; ${fp8 ? 'FP8' : 'no FP8'}, ${four}`;
}

function fittingLines(build: FittingBuild, engine: PlanEngine): readonly string[] {
  const { share, gpus, engines } = build;
  const beside = engines === 1 ? '' : `, ${engines} engines side by side`;
  return [
    `fits  ${build.build} on ${gpus} ${gpus === 1 ? 'GPU' : 'GPUs'}${beside}`,
    `      needs at least ${gigabytes(build.minimum)} GB in all`,
    `      on each GPU: weights ${gigabytes(share.weights)} + workspace ${gigabytes(share.workspace)} + ${share.sequences} × ` +
      `(${share.contextTokens} tokens × ${share.kvPerToken} bytes of KV + ${megabytes(share.statePerSequence)} MB of state) = ` +
      `${gigabytes(share.needed)} of ${gigabytes(share.usable)} GB`,
    `      ${build.mostSequences} sequences of ${share.contextTokens} tokens fit at once`,
    ...build.remarks.map((remark) => `      ${remark}`),
    ...(engine === 'llamacpp' ? ['      CAISSON_MODEL_DIR: the folder of the GGUF file'] : []),
    ...build.command.map((line) => `      ${line}`),
  ];
}

function gigabytes(bytes: number): string {
  return (bytes / GIGA).toFixed(1);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
