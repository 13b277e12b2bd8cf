// Owns the way from all sources to the settings: flags > environment > project file > user file > system file > defaults. Starts nothing.
import { type Problem, problemsError } from '../base/problems.ts';
import { aliasProblems } from '../contracts/model-aliases.ts';
import { strangeVariables } from './environment.ts';
import { readLayers } from './layers.ts';
import { mergeLayers, type Merged } from './merge.ts';
import { type LoadedConfig, settingsOf } from './settings.ts';
import type { ConfigSources } from './sources.ts';

export type { LoadedConfig } from './settings.ts';
export type { ConfigSources } from './sources.ts';

/**
 * Reads and checks every source. Throws `config_invalid` with all mistakes of all sources, the first as the place, and
 * `config_unreadable` for a named file that is missing or any that cannot be read. Reads no secret.
 */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const results = await readLayers(sources);
  const problems = results.flatMap((result) => result.problems);
  if (problems.length > 0) throw problemsError('config_invalid', problems);
  const layers = results.flatMap((result) => ('layer' in result ? [result.layer] : []));
  const merged = mergeLayers(layers);
  const hidden = hidingAliases(merged);
  if (hidden.length > 0) throw problemsError('config_invalid', hidden);
  return settingsOf(merged, {
    sources,
    files: layers.flatMap(({ file }) => (file === undefined ? [] : [file])),
    warnings: strangeVariables(sources.env),
  });
}

/** A file may name the models of a backend, and another one the aliases. */
function hidingAliases({ values, origins }: Merged): readonly Problem[] {
  const served = (values.backends ?? []).flatMap(({ models = [] }) => models);
  return aliasProblems(values.models?.aliases ?? {}, served).map(({ alias, text }) => {
    const field = `models.aliases.${alias}`;
    return { place: { field }, text: `${origins.get(field) ?? ''}: ${text}` };
  });
}
