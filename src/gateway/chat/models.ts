// Owns GET /v1/models and one model of it: those that the key may use. Knows no engine.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { mayUse } from '../../accounts/quotas.ts';
import { CaissonError } from '../../base/errors.ts';
import type { ModelInfo } from '../../contracts/ports.ts';
import { speaksAnthropic } from '../errors.ts';
import { modelEntry, pageOfModels, pageSchema } from '../messages/models.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';

const ASK_MS = 10_000;

export function modelRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const onRequest = gate.admit('client');
  const created = ports.clock.now();
  const usable = async (request: FastifyRequest) => {
    const { limits = {} } = gate.principalOf(request);
    return (await ports.models(AbortSignal.timeout(ASK_MS))).filter(({ id }) => mayUse(limits, id));
  };
  app.get('/v1/models', { onRequest }, async (request) => {
    const models = await usable(request);
    if (speaksAnthropic(request)) return pageOfModels(models, created, parseInput(pageSchema, request.query));
    return { object: 'list', data: models.map((model) => encode(model, created)) };
  });
  // A name may hold slashes.
  app.get<{ Params: { readonly '*': string } }>('/v1/models/*', { onRequest }, async (request) => {
    const name = request.params['*'];
    const found = (await usable(request)).find(({ id }) => id === name);
    if (found === undefined)
      throw new CaissonError('model_not_found', `the model ${JSON.stringify(name)} is not served`);
    return speaksAnthropic(request) ? modelEntry(found, created) : encode(found, created);
  });
}

function encode({ id, backend, contextTokens }: ModelInfo, created: number) {
  const context = contextTokens === undefined ? {} : { max_model_len: contextTokens };
  return { id, object: 'model', created: Math.floor(created / 1000), owned_by: backend, ...context };
}
