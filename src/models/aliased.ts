// Owns a router that answers to other names as well. Knows no configuration and no wire format.
import { type Aliases, behindAlias } from '../contracts/model-aliases.ts';
import type { PassBytes } from '../contracts/passing.ts';
import type { Backend, Embed, ModelInfo, StreamModel } from '../contracts/ports.ts';

/** What of a router is asked for a model by its name. */
interface Asked {
  readonly stream: StreamModel;
  readonly complete?: StreamModel;
  readonly embed?: Embed;
  readonly passing?: (model: string) => Promise<PassBytes | undefined>;
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  findModel(wish: string): Promise<{ readonly model: string; readonly recorded: boolean }>;
  backendOf(model: string, signal?: AbortSignal): Promise<Backend | undefined>;
  readonly replicasOf?: (model: string, signal: AbortSignal) => Promise<readonly string[]>;
}

/** Served names stay as they are; an alias is listed beside the model that it means while that is served. */
export function withAliases<Router extends Asked>(router: Router, aliases: Aliases): Router {
  if (Object.keys(aliases).length === 0) return router;
  const real = (name: string) => behindAlias(aliases, name);
  const { passing, replicasOf } = router;
  return {
    ...router,
    ...renamedWays(router, real),
    models: async (signal) => {
      const models = await router.models(signal);
      return [...models, ...Object.keys(aliases).flatMap((alias) => listed(alias, real(alias), models))];
    },
    findModel: (wish) => router.findModel(wish === '' ? wish : real(wish)),
    backendOf: async (model, signal) => {
      const backend = await router.backendOf(real(model), signal);
      return backend === undefined || real(model) === model ? backend : renamed(backend, real(model));
    },
    // Bytes cannot pass as they are: the alias stands in them.
    ...(passing === undefined
      ? {}
      : { passing: async (model: string) => (real(model) === model ? passing(model) : undefined) }),
    ...(replicasOf === undefined
      ? {}
      : { replicasOf: (model: string, signal: AbortSignal) => replicasOf(real(model), signal) }),
  };
}

type Ways = Pick<Asked, 'stream' | 'complete' | 'embed'>;

function renamedWays({ stream, complete, embed }: Ways, real: (name: string) => string): Ways {
  return {
    stream: (request, signal) => stream({ ...request, model: real(request.model) }, signal),
    ...(complete === undefined
      ? {}
      : { complete: (request, signal) => complete({ ...request, model: real(request.model) }, signal) }),
    ...(embed === undefined
      ? {}
      : { embed: (request, signal) => embed({ ...request, model: real(request.model) }, signal) }),
  };
}

function listed(alias: string, model: string, models: readonly ModelInfo[]): readonly ModelInfo[] {
  const served = models.find(({ id }) => id === model);
  return served === undefined || models.some(({ id }) => id === alias) ? [] : [{ ...served, id: alias }];
}

function renamed(given: Backend, model: string): Backend {
  const { passing: _passing, ...backend } = given;
  const { countTokens, contextTokens } = backend;
  return {
    ...backend,
    ...renamedWays(backend, () => model),
    ...(countTokens === undefined
      ? {}
      : { countTokens: (request, signal) => countTokens({ ...request, model }, signal) }),
    ...(contextTokens === undefined ? {} : { contextTokens: () => contextTokens(model) }),
  };
}
