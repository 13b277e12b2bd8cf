// Owns the way from the flags of a command line to the configuration that holds.
import { CaissonError } from './base/errors.ts';
import { type Flags, textFlag } from './cli/context.ts';
import { withEndpoint, withGguf, withScript } from './config/endpoint.ts';
import { loadConfig, type LoadedConfig } from './config/load.ts';
import { currentSources, type FlagValue } from './config/sources.ts';

const CONFIG_FLAGS: readonly (readonly [flag: string, path: string])[] = [
  ['data-dir', 'data_dir'],
  ['model', 'model'],
  ['policy', 'policy'],
];

/** `project`: the repository whose file counts as well. Throws `config_invalid` and `config_unreadable`. */
export async function configOf(flags: Flags, project: string | undefined): Promise<LoadedConfig> {
  const given = CONFIG_FLAGS.flatMap(([flag, path]): FlagValue[] => {
    const value = textFlag(flags, flag);
    return value === undefined ? [] : [{ flag: `--${flag}`, path, value }];
  });
  const explicitFile = textFlag(flags, 'config');
  const sources = currentSources({
    flags: given,
    ...(explicitFile === undefined ? {} : { explicitFile }),
    ...(project === undefined ? {} : { projectDir: project }),
  });
  return withEngine(await loadConfig(sources), flags);
}

function withEngine(loaded: LoadedConfig, flags: Flags): LoadedConfig {
  const url = textFlag(flags, 'endpoint');
  const file = textFlag(flags, 'script');
  const model = textFlag(flags, 'model');
  const key = textFlag(flags, 'key');
  const named = model === undefined ? {} : { model };
  const gguf = textFlag(flags, 'gguf');
  const given = { '--endpoint': url, '--gguf': gguf, '--script': file };
  const [one, other] = Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [flag]));
  if (other !== undefined) throw new CaissonError('usage', `${one} and ${other} both name the model: give one of them`);
  if (file !== undefined) return withScript(loaded, { file, ...named });
  if (gguf !== undefined) return withGguf(loaded, { file: gguf, ...named });
  return url === undefined ? loaded : withEndpoint(loaded, { url, ...named, ...(key === undefined ? {} : { key }) });
}
