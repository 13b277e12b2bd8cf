// Owns what is to be said of the models that are served: profile, aliases, context. Asks no engine.
import { type Aliases, aliasProblems, behindAlias } from '../contracts/model-aliases.ts';
import type { ListedModel } from '../contracts/model-plan.ts';
import type { ModelInfo } from '../contracts/ports.ts';
import { fileOf } from './profile.ts';
import type { ModelFile } from './schema.ts';

/** `models`: as the engines list them, without aliases. */
export function listServed(
  models: readonly ModelInfo[],
  files: readonly ModelFile[],
  aliases: Aliases,
): readonly ListedModel[] {
  return models.map(({ id, backend, contextTokens }) => {
    const file = fileOf(files, id);
    const remark = contextRemark(contextTokens, file);
    return {
      id,
      backend,
      ...(contextTokens === undefined ? {} : { contextTokens }),
      profile: file?.model.name ?? 'generic',
      aliases: Object.keys(aliases).filter((alias) => behindAlias(aliases, alias) === id),
      remarks: remark === undefined ? [] : [remark],
    };
  });
}

/** What is wrong with the aliases beside these models. */
export function aliasRemarks(aliases: Aliases, models: readonly ModelInfo[]): readonly string[] {
  const served = models.map(({ id }) => id);
  const wrong = aliasProblems(aliases, served);
  const loose = Object.keys(aliases).filter(
    (alias) => !wrong.some((one) => one.alias === alias) && !served.includes(behindAlias(aliases, alias)),
  );
  return [
    ...wrong.map(({ alias, text }) => `models.aliases.${alias}: ${text}`),
    ...loose.map(
      (alias) =>
        `models.aliases.${alias}: no backend that answers serves ${JSON.stringify(behindAlias(aliases, alias))}`,
    ),
  ];
}

function contextRemark(engine: number | undefined, file: ModelFile | undefined): string | undefined {
  const { default: usual, maximum } = file?.model.context_tokens ?? {};
  if (engine === undefined || usual === undefined || maximum === undefined) return undefined;
  if (engine < usual)
    return `the engine takes ${engine} tokens of context, and the model file says ${usual}: longer conversations are refused`;
  return engine > maximum
    ? `the engine takes ${engine} tokens of context, and the model was made for ${maximum} at most`
    : undefined;
}
