// Owns GET /v1/models and one model of it. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { CaissonError } from '../../base/errors.ts';
import type { ModelInfo } from '../../contracts/ports.ts';
import type { RouteContext } from '../route-context.ts';

const ASK_MS = 10_000;

export function modelRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  const onRequest = gate.admit('client');
  const created = Math.floor(ports.clock.now() / 1000);
  const all = async () => (await ports.models(AbortSignal.timeout(ASK_MS))).map((model) => encode(model, created));
  app.get('/v1/models', { onRequest }, async () => ({ object: 'list', data: await all() }));
  // A name may hold slashes.
  app.get<{ Params: { readonly '*': string } }>('/v1/models/*', { onRequest }, async (request) => {
    const name = request.params['*'];
    const found = (await all()).find(({ id }) => id === name);
    if (found === undefined)
      throw new CaissonError('model_not_found', `the model ${JSON.stringify(name)} is not served`);
    return found;
  });
}

function encode({ id, backend, contextTokens }: ModelInfo, created: number) {
  const context = contextTokens === undefined ? {} : { max_model_len: contextTokens };
  return { id, object: 'model', created, owned_by: backend, ...context };
}
