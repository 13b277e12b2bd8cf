// Owns which backend answers for a model. Knows no wire format and no engine.
import { CaissonError, reportOf } from '../base/errors.ts';
import type { ModelErrorEvent } from '../contracts/model-events.ts';
import type { Backend, ModelInfo, StreamModel } from '../contracts/ports.ts';
import { failure, lawful } from './lawful.ts';

export interface Router {
  /** A model that nobody serves is an `error` event `model_not_found`. */
  readonly stream: StreamModel;
  /** Of all backends that answer, in their order; those that do not are left out. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** The model a wish means: '' is the first that is served. Rejects with `model_not_found` or why no backend could be asked. */
  findModel(wish: string): Promise<{ readonly model: string; readonly recorded: boolean }>;
  /** The first backend that serves the model; undefined if none does. */
  backendOf(model: string, signal?: AbortSignal): Promise<Backend | undefined>;
}

/** What all backends said of their models. */
interface Survey {
  readonly models: readonly ModelInfo[];
  /** By model, the first backend that serves it. */
  readonly served: ReadonlyMap<string, Backend>;
  readonly failures: readonly { readonly backend: string; readonly error: unknown }[];
}

const ASK_MS = 5000;
const HINT = 'Give --endpoint URL --model NAME, or configure backends; `caisson doctor` asks each of them.';

/**
 * Names that the configuration declares are never asked for. A single backend that declares none gets every model unasked:
 * it knows best what it serves. Otherwise backends are asked once, and again for a name that is not known.
 */
export function createRouter(backends: readonly Backend[]): Router {
  let served: Survey['served'] = new Map();
  const survey = async (signal: AbortSignal): Promise<Survey> => {
    const found = await surveyOf(backends, signal);
    served = found.served;
    return found;
  };
  const locate = async (model: string, signal: AbortSignal): Promise<Backend | CaissonError> => {
    const known = backends.find(({ declared }) => declared?.includes(model)) ?? served.get(model);
    if (known !== undefined) return known;
    const [only] = backends;
    if (only !== undefined && backends.length === 1 && only.declared === undefined) return only;
    const found = await survey(signal);
    return found.served.get(model) ?? notServed(`no backend serves the model "${model}"`, found);
  };
  return {
    models: async (signal) => (await survey(signal)).models,
    backendOf: async (model, signal = AbortSignal.timeout(ASK_MS)) => {
      const backend = await locate(model, signal);
      return backend instanceof CaissonError ? undefined : backend;
    },
    findModel: async (wish) => {
      const model = wish === '' ? await firstModel(survey) : wish;
      const backend = await locate(model, AbortSignal.timeout(ASK_MS));
      if (backend instanceof CaissonError) throw backend;
      return { model, recorded: backend.recorded };
    },
    stream: async function* stream(request, signal) {
      const backend = await locate(request.model, AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]));
      if (!(backend instanceof CaissonError)) yield* lawful(backend, request, signal);
      else yield signal.aborted ? failure('', signal) : eventOf(backend);
    },
  };
}

async function surveyOf(backends: readonly Backend[], signal: AbortSignal): Promise<Survey> {
  const answers = await Promise.allSettled(backends.map((backend) => backend.models(signal)));
  const models: ModelInfo[] = [];
  const served = new Map<string, Backend>();
  const failures: { backend: string; error: unknown }[] = [];
  for (const [index, backend] of backends.entries()) {
    const answer = answers[index];
    if (answer?.status === 'rejected') failures.push({ backend: backend.name, error: answer.reason });
    for (const model of answer?.status === 'fulfilled' ? answer.value : []) {
      models.push(model);
      if (!served.has(model.id)) served.set(model.id, backend);
    }
  }
  return { models, served, failures };
}

async function firstModel(survey: (signal: AbortSignal) => Promise<Survey>): Promise<string> {
  const found = await survey(AbortSignal.timeout(ASK_MS));
  const [first] = found.models;
  if (first === undefined) throw notServed('there is no model to work with', found);
  return first.id;
}

/** A backend that could not be asked may be the one that serves it: then that is what is wrong. */
function notServed(words: string, { served, failures }: Survey): CaissonError {
  const names = [...served.keys()];
  const list = names.length === 0 ? '' : `; served are: ${names.join(', ')}`;
  const [failure] = failures;
  if (failure === undefined) {
    const none = names.length === 0 ? '; no backend is configured that serves any' : list;
    return new CaissonError('model_not_found', `${words}${none}`, { hint: HINT });
  }
  const reasons = failures.map(
    ({ backend, error }) => `${backend} did not say what it serves: ${reportOf(error).message}`,
  );
  return new CaissonError('backend_unreachable', `${words}${list}; ${reasons.join('; ')}`, { cause: failure.error });
}

function eventOf({ code, message }: CaissonError): ModelErrorEvent {
  return code === 'backend_unreachable'
    ? { type: 'error', code, message, retryable: true }
    : { type: 'error', code: 'model_not_found', message, retryable: false };
}
