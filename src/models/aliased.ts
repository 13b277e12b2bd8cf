// Owns a router that answers to other names as well. Knows no configuration and no wire format.
import { type Aliases, behindAlias } from '../contracts/model-aliases.ts';
import type { Backend, ModelInfo, StreamModel } from '../contracts/ports.ts';

interface Asked {
  readonly stream: StreamModel;
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  findModel(wish: string): Promise<{ readonly model: string; readonly recorded: boolean }>;
  backendOf(model: string, signal?: AbortSignal): Promise<Backend | undefined>;
}

/** Served names stay as they are; an alias is listed beside the model that it means while that is served. */
export function withAliases(router: Asked, aliases: Aliases): Asked {
  const real = (name: string) => behindAlias(aliases, name);
  return {
    stream: (request, signal) => router.stream({ ...request, model: real(request.model) }, signal),
    models: async (signal) => {
      const models = await router.models(signal);
      return [...models, ...Object.keys(aliases).flatMap((alias) => listed(alias, real(alias), models))];
    },
    findModel: (wish) => router.findModel(wish === '' ? wish : real(wish)),
    backendOf: async (model, signal) => {
      const backend = await router.backendOf(real(model), signal);
      return backend === undefined || real(model) === model ? backend : renamed(backend, real(model));
    },
  };
}

function listed(alias: string, model: string, models: readonly ModelInfo[]): readonly ModelInfo[] {
  const served = models.find(({ id }) => id === model);
  return served === undefined || models.some(({ id }) => id === alias) ? [] : [{ ...served, id: alias }];
}

/** Bytes cannot pass as they are: the alias stands in them. */
function renamed(given: Backend, model: string): Backend {
  const { passing: _passing, ...backend } = given;
  const { stream, complete, embed, countTokens, contextTokens } = backend;
  return {
    ...backend,
    stream: (request, signal) => stream({ ...request, model }, signal),
    ...(complete === undefined ? {} : { complete: (request, signal) => complete({ ...request, model }, signal) }),
    ...(embed === undefined ? {} : { embed: (request, signal) => embed({ ...request, model }, signal) }),
    ...(countTokens === undefined
      ? {}
      : { countTokens: (request, signal) => countTokens({ ...request, model }, signal) }),
    ...(contextTokens === undefined ? {} : { contextTokens: () => contextTokens(model) }),
  };
}
