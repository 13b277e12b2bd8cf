// Owns which backend answers for a model, and that every backend keeps the law of the port. Knows no wire format.
import { CaissonError } from '../base/errors.ts';
import type { ModelEvent } from '../contracts/model-events.ts';
import type { Backend, ModelInfo, StreamModel } from '../contracts/ports.ts';

export interface Router {
  readonly stream: StreamModel;
  /** Of all backends that answer; those that do not are left out. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** The model a wish means: '' is the first that is served. Rejects with `model_not_found`. */
  findModel(wish: string): Promise<{ readonly model: string; readonly recorded: boolean }>;
  /** The first backend that serves the model; undefined if none does. */
  backendOf(model: string, signal?: AbortSignal): Promise<Backend | undefined>;
}

const ASK_MS = 5000;

/** A single backend gets every model: it knows best what it serves, and nothing is asked on the way. */
export function createRouter(backends: readonly Backend[]): Router {
  const served = new Map<string, Backend>();
  const modelsOf = async (backend: Backend, signal: AbortSignal) => {
    const models = await backend.models(signal).catch(() => []);
    for (const { id } of models) if (!served.has(id)) served.set(id, backend);
    return models;
  };
  const models = async (signal: AbortSignal) => {
    const all = await Promise.all(backends.map((backend) => modelsOf(backend, signal)));
    return all.flat();
  };
  const backendOf = async (model: string, signal = AbortSignal.timeout(ASK_MS)) => {
    const [only] = backends;
    if (backends.length === 1) return only;
    if (!served.has(model)) await models(signal);
    return served.get(model);
  };
  return {
    models,
    backendOf,
    findModel: async (wish) => {
      const [first] = wish === '' ? await models(AbortSignal.timeout(ASK_MS)) : [{ id: wish }];
      const backend = first === undefined ? undefined : await backendOf(first.id);
      if (first === undefined || backend === undefined) throw notServed(wish, [...served.keys()]);
      return { model: first.id, recorded: backend.recorded };
    },
    stream: async function* stream(request, signal) {
      const backend = await backendOf(request.model);
      if (backend === undefined) {
        const { message } = notServed(request.model, [...served.keys()]);
        yield { type: 'error', code: 'model_not_found', message, retryable: false };
        return;
      }
      yield* lawful(backend, backend.stream(request, signal));
    },
  };
}

function notServed(model: string, served: readonly string[]): CaissonError {
  const list = served.length === 0 ? 'no backend is configured or answers' : `served are: ${served.join(', ')}`;
  const wish = model === '' ? 'there is no model to work with' : `no backend serves the model "${model}"`;
  return new CaissonError('model_not_found', `${wish}; ${list}`, {
    hint: 'Give --endpoint URL --model NAME, or configure backends; `caisson doctor` asks each of them.',
  });
}

/** Nothing follows an error, only usage follows a finish, and nothing is thrown. */
async function* lawful(backend: Backend, events: AsyncIterable<ModelEvent>): AsyncGenerator<ModelEvent> {
  let finished = false;
  try {
    for await (const event of events) {
      if (finished && event.type !== 'usage') continue;
      yield event;
      if (event.type === 'error') return;
      finished ||= event.type === 'finish';
    }
  } catch (error) {
    const message = `${backend.name}: ${error instanceof Error ? error.message : String(error)}`;
    if (!finished) yield { type: 'error', code: 'backend_failed', message, retryable: true };
  }
}
