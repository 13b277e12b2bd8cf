// Owns what is asked of model files: which models are served, what fits on which GPUs, the compose file. Loaded when one of these is asked.
import { CaissonError, formatError } from './base/errors.ts';
import type { LoadedConfig } from './config/load.ts';
import type { ListedModel, Plan, PlanWish } from './contracts/model-plan.ts';
import type { ModelInfo } from './contracts/ports.ts';
import { createBackends } from './engines.ts';
import { type Catalogue, readCatalogue } from './models/catalogue.ts';
import { parseGpus, recognizeGpus } from './models/gpus.ts';
import type { Build } from './models/build.ts';
import { listGpus } from './models/nvidia-smi.ts';
import { planBuilds, wantedBuilds } from './models/plan.ts';
import { aliasRemarks, listServed } from './models/served.ts';
import type { Start } from './models/starting/commands.ts';
import { composeFile } from './models/starting/compose.ts';

const ASK_MS = 5000;

export interface ModelsReport {
  readonly models: readonly ListedModel[];
  /** Backends that do not answer, model files that are wrong, aliases that lead nowhere. */
  readonly problems: readonly string[];
}

/** Never rejects for a backend that does not answer. */
export async function reportModels(config: LoadedConfig): Promise<ModelsReport> {
  const { folder, aliases } = config.models;
  const [catalogue, { models, silent }] = await Promise.all([readCatalogue(folder), askModels(config)]);
  return {
    models: listServed(models, catalogue.files, aliases),
    problems: [
      ...silent.map(({ backend, error }) => `backend ${backend}: ${formatError(error)}`),
      ...catalogue.problems.map(formatError),
      ...aliasRemarks(aliases, models),
    ],
  };
}

/** Asks every backend. */
export async function askModels(config: LoadedConfig): Promise<{
  readonly models: readonly ModelInfo[];
  readonly silent: readonly { readonly backend: string; readonly error: unknown }[];
}> {
  const backends = await createBackends(config, { allowRecorded: true });
  const answers = await Promise.allSettled(backends.map((backend) => backend.models(AbortSignal.timeout(ASK_MS))));
  for (const backend of backends) backend.retire?.();
  return {
    models: answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : [])),
    silent: answers.flatMap((answer, at) =>
      answer.status === 'rejected' ? [{ backend: backends[at]?.name ?? '', error: answer.reason as unknown }] : [],
    ),
  };
}

/** What a person should know, in words: wrong files, less context than a file says, aliases that lead nowhere. */
export async function remarksOnModels(config: LoadedConfig): Promise<readonly string[]> {
  const { models, problems } = await reportModels(config);
  return [...problems, ...models.flatMap(({ id, remarks }) => remarks.map((remark) => `model ${id}: ${remark}`))];
}

/** Throws `usage`. The model files that are wrong are in `problems`. */
export async function makePlan(
  config: LoadedConfig,
  { gpus, ...wish }: PlanWish,
): Promise<{ readonly plan: Plan; readonly problems: readonly string[] }> {
  const group = gpus === undefined ? recognizeGpus(await listGpus()) : parseGpus(gpus);
  const { builds, problems } = await readCatalogue(config.models.folder);
  return { plan: planBuilds(builds, group, wish), problems: problems.map(formatError) };
}

/** The compose file for the one build that the wish names, on one GPU or split over those that are given. Throws `usage`. */
export async function makeCompose(config: LoadedConfig, wish: Omit<PlanWish, 'engine'>): Promise<string> {
  const catalogue = await readCatalogue(config.models.folder);
  const [build, ...others] = wantedBuilds(catalogue.builds, { ...wish, engine: 'vllm' });
  if (build === undefined || others.length > 0)
    throw new CaissonError('usage', '--compose is for one build', {
      hint: `Name one with --model: ${catalogue.builds.map(({ name }) => name).join(', ')}.`,
    });
  return composeFile(build, ggufOf(catalogue, build.model), startOf(build, wish));
}

const SEQUENCES = 8;

function startOf(build: Build, { gpus, ...wish }: Omit<PlanWish, 'engine'>): Start {
  const { contextTokens = build.contextTokens.default, sequences = SEQUENCES } = wish;
  if (gpus === undefined) return { gpus: 1, contextTokens, sequences };
  const [planned] = planBuilds([build], parseGpus(gpus), { ...wish, model: build.name, engine: 'vllm' }).builds;
  if (planned?.fits !== true) throw new CaissonError('usage', `${build.name} on ${gpus}: ${planned?.reason ?? ''}`);
  return { gpus: planned.gpus, contextTokens: planned.share.contextTokens, sequences };
}

/** The largest GGUF file of the model. */
function ggufOf({ builds }: Catalogue, model: string) {
  return builds.find((build) => build.model === model && build.precision.startsWith('q'));
}
