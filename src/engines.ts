// Owns the making of backends from the configuration. Each kind is imported only where it is used.
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { systemClock } from './base/clock.ts';
import { CaissonError } from './base/errors.ts';
import { type Logger, silentLogger } from './base/logger.ts';
import type { LoadedConfig } from './config/load.ts';
import { resolveSecret } from './config/secret.ts';
import type { BackendConfig } from './config/settings.ts';
import type { ModelProfile } from './contracts/model-profile.ts';
import type { PassBytes } from './contracts/passing.ts';
import type { Backend } from './contracts/ports.ts';
import type { PassingOptions } from './backends/openai/passing.ts';
import type { PromptFormat } from './prompting/format.ts';
import { likedBy, type Profiles, profilesBy, repairBy } from './repairs.ts';

/** What a backend is made with beside the configuration. `field`: its place there. */
interface Means {
  readonly logger: Logger;
  readonly profiles: Profiles;
  readonly field: string;
}

type OpenAIConfig = Extract<BackendConfig, { readonly type: 'openai' }>;
type TritonConfig = Extract<BackendConfig, { readonly type: 'triton' }>;
type LlamaConfig = Extract<BackendConfig, { readonly type: 'llama' }>;

/** `allowRecorded`: false in a service, whose clients must not be answered from a script. Throws `rehearsal_refused`. */
export function createBackends(
  config: LoadedConfig,
  options: { readonly allowRecorded: boolean; readonly logger?: Logger },
): Promise<readonly Backend[]> {
  const { allowRecorded, logger = silentLogger } = options;
  const profiles = profilesBy(config.models.folder);
  const make = async (backend: BackendConfig, at: number) => ({
    ...(await createBackend(backend, config, { allowRecorded, logger, profiles, field: `backends[${at}]` })),
    ...loadOf(backend),
  });
  return Promise.all(config.backends.map(make));
}

function loadOf({ weight, maxConcurrent }: BackendConfig): Pick<Backend, 'weight' | 'places'> {
  return {
    ...(weight === undefined ? {} : { weight }),
    ...(maxConcurrent === undefined ? {} : { places: maxConcurrent }),
  };
}

async function createBackend(
  backend: BackendConfig,
  config: LoadedConfig,
  { allowRecorded, ...means }: Means & { readonly allowRecorded: boolean },
): Promise<Backend> {
  if (backend.type === 'rehearsal') {
    if (!allowRecorded)
      throw new CaissonError('rehearsal_refused', `the backend ${backend.name} plays a recorded conversation`);
    return recorded(backend.script);
  }
  if (backend.type === 'llama') return llama(backend, config, means.logger);
  if (backend.type === 'triton') return triton(backend, config, means);
  return openai(backend, config, means);
}

async function openai(backend: OpenAIConfig, { limits }: LoadedConfig, { profiles, field }: Means): Promise<Backend> {
  const { name, url, key, models, sessionHeader, teamCaches = false, repair } = backend;
  const { createOpenAIBackend } = await import('./backends/openai/backend.ts');
  const header = sessionHeader === undefined ? {} : { sessionHeader };
  const [secret, trust] = await Promise.all([
    key === undefined ? undefined : resolveSecret(key),
    trustOf(backend, field),
  ]);
  const made = createOpenAIBackend({
    name,
    url,
    limits,
    clock: systemClock,
    teamCaches,
    ...(repair === 'off' ? {} : { repair: repairBy(profiles) }),
    liked: likedBy(profiles),
    ...trust,
    ...header,
    ...(secret === undefined ? {} : { key: secret }),
    ...(models.length === 0 ? {} : { models }),
  });
  const way = { url, key: secret ?? 'none', connectMs: limits.modelConnectMs, ...trust };
  return {
    ...made,
    // Bytes that pass name no team.
    ...(teamCaches ? {} : { passing: passingOf({ ...way, now: () => systemClock.now(), ...header }, profiles) }),
    report: async (signal) => {
      const { reportEngine } = await import('./backends/openai/engine/report.ts');
      const served = await made.models(signal).catch(() => []);
      return reportEngine({ ...way, models: served.map(({ id }) => id) }, signal);
    },
  };
}

async function triton(backend: TritonConfig, { limits, models }: LoadedConfig, means: Means): Promise<Backend> {
  const { name, address, key, keyName, model, contextTokens, models: names } = backend;
  const { logger, field } = means;
  const { createTritonBackend } = await import('./backends/triton/backend.ts');
  const value = key === undefined ? undefined : await resolveSecret(key);
  const taught = await formatOf(backend, models.folder);
  return createTritonBackend({
    name,
    address,
    limits,
    clock: systemClock,
    logger,
    ...(await trustOf(backend, field)),
    ...(value === undefined || keyName === undefined ? {} : { key: { name: keyName, value } }),
    ...(model === undefined ? {} : { model }),
    ...(names.length === 0 ? {} : { models: names }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...taught,
  });
}

/** What an engine of plain text needs to be talked with. `site`: folder with model files of the site. */
async function formatOf(
  { modelFolder, model, models }: TritonConfig,
  site: string | undefined,
): Promise<{ readonly format?: PromptFormat; readonly profile?: ModelProfile }> {
  if (modelFolder === undefined) return {};
  const [{ loadPromptFormat }, { readCatalogue }, { fileOf, profileOf }] = await Promise.all([
    import('./prompting/load.ts'),
    import('./models/catalogue.ts'),
    import('./models/profile.ts'),
  ]);
  const { files } = await readCatalogue(site);
  const names = [modelFolder, ...(model === undefined ? [] : [model]), ...models];
  const profile = profileOf(files, names.find((name) => fileOf(files, name) !== undefined) ?? '');
  return { format: await loadPromptFormat(modelFolder, profile), profile };
}

const LLAMA_FOLDER = join(import.meta.dirname, '..', 'deploy', 'engines', 'llama');

async function llama(
  { name, modelFile: file, models, engineFolder = LLAMA_FOLDER, ...backend }: LlamaConfig,
  { limits, models: { folder } }: LoadedConfig,
  logger: Logger,
): Promise<Backend> {
  const [{ createLlamaBackend }, { createPromptFormat }, { readCatalogue }, { fileOf, profileOf }] = await Promise.all([
    import('./backends/llama/backend.ts'),
    import('./prompting/create.ts'),
    import('./models/catalogue.ts'),
    import('./models/profile.ts'),
  ]);
  const { files } = await readCatalogue(folder);
  const [model = name] = models;
  const profile = profileOf(files, [file, model].find((one) => fileOf(files, one) !== undefined) ?? '');
  const { threads = Math.max(1, availableParallelism() - 1), contextTokens, slots, gpu } = backend;
  const context = contextTokens === undefined ? {} : { context: contextTokens };
  return createLlamaBackend({
    name,
    model,
    profile,
    engineFolder,
    order: { file, threads, slots, gpu, ...context },
    mostUnread: limits.modelAnswerBytes,
    silenceMs: limits.modelSilenceMs,
    clock: systemClock,
    logger,
    makeFormat: ({ template, ...specialTokens }) => createPromptFormat({ template, specialTokens, profile, file }),
  });
}

/** Read before the first request: a file that is wrong is told at the start. */
async function trustOf({ ca }: { readonly ca?: string }, field: string): Promise<{ readonly ca?: string }> {
  if (ca === undefined) return {};
  const { readSigners } = await import('./base/certificates.ts');
  return { ca: await readSigners({ file: ca, field: `${field}.ca` }, systemClock.now()) };
}

/** Its client is dear to load, and only a service with clients of its own uses it. */
function passingOf(options: PassingOptions, profiles: Profiles): () => Promise<PassBytes> {
  let made: Promise<PassBytes> | undefined;
  const make = async () => {
    const { createPassing } = await import('./backends/openai/passing.ts');
    const { passLiked } = await import('./backends/openai/liking.ts');
    return passLiked(createPassing(options), await profiles());
  };
  return () => (made ??= make());
}

async function recorded(script: string): Promise<Backend> {
  const [{ createRehearsal }, { parseRehearsal }] = await Promise.all([
    import('./backends/rehearsal/backend.ts'),
    import('./backends/rehearsal/script.ts'),
  ]);
  const text = await readFile(script, 'utf8').catch((cause: Error) => {
    throw new CaissonError('config_unreadable', `the script ${script} cannot be read: ${cause.message}`, {
      cause,
      place: { file: script },
    });
  });
  return createRehearsal(parseRehearsal(text, script), script);
}
