// Owns the backends that a person names on the command line instead of in a file. Knows no engine.
import { basename, resolve } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { addressProblem } from './schema.ts';
import { secretGiven } from './secret.ts';
import type { BackendConfig, LoadedConfig } from './settings.ts';

/** The same configuration with this endpoint as its only backend. Throws `config_invalid` for an address that is none. */
export function withEndpoint(
  config: LoadedConfig,
  endpoint: { readonly url: string; readonly model?: string; readonly key?: string },
): LoadedConfig {
  const { url, model, key } = endpoint;
  const problem = addressProblem(url);
  if (problem !== undefined) {
    throw new CaissonError('config_invalid', `--endpoint: ${problem}`, {
      place: { field: 'backends[0].url' },
      hint: 'Give --endpoint an address such as http://host:8000/v1',
    });
  }
  const secret = key === undefined ? {} : { key: secretGiven(key, '--key') };
  const models = model === undefined ? [] : [model];
  return withOnly(config, { name: 'endpoint', type: 'openai', url, ...secret, models }, '--endpoint', model);
}

/** The same configuration with a recorded conversation as its only backend. */
export function withScript(
  config: LoadedConfig,
  script: { readonly file: string; readonly model?: string },
): LoadedConfig {
  const { file, model } = script;
  const models = model === undefined ? [] : [model];
  return withOnly(config, { name: 'rehearsal', type: 'rehearsal', script: resolve(file), models }, '--script', model);
}

/** The same configuration with a GGUF file as its only backend: one answer at a time, with the whole machine for it. */
export function withGguf(config: LoadedConfig, gguf: { readonly file: string; readonly model?: string }): LoadedConfig {
  const modelFile = resolve(gguf.file);
  const model = gguf.model ?? basename(modelFile).replace(/\.gguf$/i, '');
  const backend = { name: 'gguf', type: 'llama', modelFile, slots: 1, gpu: false, models: [model] } as const;
  const changed = withOnly(config, { ...backend, maxConcurrent: 1 }, '--gguf', model);
  if (gguf.model === undefined) return { ...changed, origins: new Map([...changed.origins, ['model', '--gguf']]) };
  return changed;
}

function withOnly(config: LoadedConfig, backend: BackendConfig, flag: string, model: string | undefined): LoadedConfig {
  const origins = new Map([...config.origins].filter(([field]) => !field.startsWith('backends')));
  origins.set('backends', flag);
  for (const field of Object.keys(backend)) origins.set(`backends[0].${field}`, field === 'key' ? '--key' : flag);
  if (model !== undefined) origins.set('model', '--model');
  return { ...config, backends: [backend], model: model ?? config.model, origins };
}
