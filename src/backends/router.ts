// Owns which backend answers for a model. Knows no wire format and no engine.
import { CaissonError, reportOf } from '../base/errors.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../contracts/model-events.ts';
import type { Backend, ModelInfo, StreamModel } from '../contracts/ports.ts';
import { failure, lawful } from './lawful.ts';

export interface Router {
  /**
   * A model that nobody serves is an `error` event `model_not_found`. A backend that cannot be connected to is passed over for the
   * next one that serves the model; no other failure is, since the engine may be at work on the request already.
   */
  readonly stream: StreamModel;
  /** Of all backends that answer, in their order; those that do not are left out. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** The model a wish means: '' is the first that is served. Rejects with `model_not_found` or why no backend could be asked. */
  findModel(wish: string): Promise<{ readonly model: string; readonly recorded: boolean }>;
  /** The first backend that serves the model and could be connected to; undefined if none serves it. */
  backendOf(model: string, signal?: AbortSignal): Promise<Backend | undefined>;
}

/** What all backends said of their models. */
interface Survey {
  readonly models: readonly ModelInfo[];
  /** By model, the backends that serve it. */
  readonly served: ReadonlyMap<string, readonly Backend[]>;
  readonly failures: readonly { readonly backend: string; readonly error: unknown }[];
}

const ASK_MS = 5000;
const HINT = 'Give --endpoint URL --model NAME, or configure backends; `caisson doctor` asks each of them.';

/**
 * Names that the configuration declares are never asked for. A single backend that declares none gets every model unasked:
 * it knows best what it serves. Otherwise backends are asked once, and again for a name that is not known.
 */
export function createRouter(backends: readonly Backend[], now: () => number = () => performance.now()): Router {
  let served: Survey['served'] = new Map();
  const absence = createAbsence(now);
  const survey = async (signal: AbortSignal): Promise<Survey> => {
    const found = await surveyOf(backends, signal);
    served = found.served;
    return found;
  };
  const locate = async (
    model: string,
    signal: AbortSignal,
  ): Promise<readonly [Backend, ...Backend[]] | CaissonError> => {
    const [first, ...others] = absence.last([
      ...backends.filter(({ declared }) => declared?.includes(model)),
      ...(served.get(model) ?? []).filter(({ declared }) => declared?.includes(model) !== true),
    ]);
    if (first !== undefined) return [first, ...others];
    const [only] = backends;
    if (only !== undefined && backends.length === 1 && only.declared === undefined) return [only];
    const found = await survey(signal);
    const [surveyed, ...more] = absence.last(found.served.get(model) ?? []);
    return surveyed === undefined ? notServed(`no backend serves the model "${model}"`, found) : [surveyed, ...more];
  };
  return {
    models: async (signal) => (await survey(signal)).models,
    backendOf: async (model, signal = AbortSignal.timeout(ASK_MS)) => {
      const found = await locate(model, signal);
      return found instanceof CaissonError ? undefined : found[0];
    },
    findModel: async (wish) => {
      const model = wish === '' ? await firstModel(survey) : wish;
      const found = await locate(model, AbortSignal.timeout(ASK_MS));
      if (found instanceof CaissonError) throw found;
      return { model, recorded: found[0].recorded };
    },
    stream: async function* stream(request, signal) {
      const found = await locate(request.model, AbortSignal.any([signal, AbortSignal.timeout(ASK_MS)]));
      if (!(found instanceof CaissonError)) yield* firstThere(found, request, signal, absence);
      else yield signal.aborted ? failure('', signal) : eventOf(found);
    },
  };
}

async function* firstThere(
  backends: readonly [Backend, ...Backend[]],
  request: ChatRequest,
  signal: AbortSignal,
  absence: Absence,
): AsyncGenerator<ModelEvent> {
  for (const [index, backend] of backends.entries()) {
    let passedOver = false;
    for await (const event of lawful(backend, request, signal)) {
      const isAway = event.type === 'error' && event.unsent === true;
      if (isAway) absence.note(backend);
      passedOver = isAway && index < backends.length - 1;
      if (!passedOver) yield event;
    }
    if (!passedOver) return;
  }
}

interface Absence {
  note(backend: Backend): void;
  /** The same backends, those that were away a moment ago behind the others. */
  last(backends: readonly Backend[]): readonly Backend[];
}

/** Who was away is asked last for a while: to find that out again may take seconds. */
const AWAY_MS = 5000;

function createAbsence(now: () => number): Absence {
  const until = new Map<Backend, number>();
  const isAway = (backend: Backend) => (until.get(backend) ?? 0) > now();
  return {
    note: (backend) => until.set(backend, now() + AWAY_MS),
    last: (backends) =>
      until.size === 0 ? backends : [...backends.filter((one) => !isAway(one)), ...backends.filter(isAway)],
  };
}

async function surveyOf(backends: readonly Backend[], signal: AbortSignal): Promise<Survey> {
  const answers = await Promise.allSettled(backends.map((backend) => backend.models(signal)));
  const models: ModelInfo[] = [];
  const served = new Map<string, Backend[]>();
  const failures: { backend: string; error: unknown }[] = [];
  for (const [index, backend] of backends.entries()) {
    const answer = answers[index];
    if (answer?.status === 'rejected') failures.push({ backend: backend.name, error: answer.reason });
    for (const model of answer?.status === 'fulfilled' ? answer.value : []) {
      models.push(model);
      const others = served.get(model.id) ?? [];
      if (!others.includes(backend)) served.set(model.id, [...others, backend]);
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
