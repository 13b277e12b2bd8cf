// Owns which backend answers for a model, and who is asked when it does not. Knows no wire format and no engine.
import { type Clock, systemClock } from '../base/clock.ts';
import { CaissonError, reportOf } from '../base/errors.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent, Usage } from '../contracts/model-events.ts';
import type { PassBytes } from '../contracts/passing.ts';
import type { Backend, BackendState, Embed, EngineReport, ModelInfo, StreamModel } from '../contracts/ports.ts';
import { failure, lawful } from './lawful.ts';
import { affinityOf, keyOf } from './routing/affinity.ts';
import { type Attempt, choose, createAttempts } from './routing/attempts.ts';
import { passOver } from './routing/bytes.ts';
import { createFleet, type Fleet, type Survey } from './routing/fleet.ts';
import { watchHealth } from './routing/health.ts';
import { reportsOf } from './routing/reports.ts';
import type { Replica } from './routing/replica.ts';

export interface Router {
  /**
   * A model that nobody serves is an `error` event `model_not_found`. While nothing of an answer came, a replica that failed is passed
   * over for the next one; one that has too much to do is not, and what is wrong with the request itself is told as it is.
   */
  readonly stream: StreamModel;
  /** The same for completions of plain text; `not_supported` where no replica has them. */
  readonly complete: StreamModel;
  readonly embed: Embed;
  /** The way on which bytes pass to a replica of the model; undefined: none has it. */
  readonly passing: (model: string) => Promise<PassBytes | undefined>;
  /** Of all backends that answer, in their order; those that do not are left out. */
  models(signal: AbortSignal): Promise<readonly ModelInfo[]>;
  /** The model a wish means: '' is the first that is served. Rejects with `model_not_found` or why no backend could be asked. */
  findModel(wish: string): Promise<{ readonly model: string; readonly recorded: boolean }>;
  /** One that serves the model, if possible one that can be asked now; undefined if none serves it. */
  backendOf(model: string, signal?: AbortSignal): Promise<Backend | undefined>;
  /** Names of all that serve the model. */
  replicasOf(model: string, signal: AbortSignal): Promise<readonly string[]>;
  /** Whether new requests go there. */
  accepts(name: string): boolean;
  states(): readonly BackendState[];
  /** By name, what each engine says of itself, of those that say something in time. Never rejects. */
  reports(signal: AbortSignal): Promise<ReadonlyMap<string, EngineReport>>;
  /** Undefined if there is no such backend. What is under way there goes on. */
  drain(name: string, drained: boolean): BackendState | undefined;
  /** Takes the place of all backends; those that keep their name stay drained if they were. */
  replace(backends: readonly Backend[]): void;
  /** Calls whenever one may have come or gone. */
  onChange(listener: () => void): void;
  /** Looks after them from now on; returns the way to stop. */
  watch(): () => void;
}

export interface RouterOptions {
  readonly clock?: Clock;
  /** The model that is asked where nobody can be asked for this one, and the request names none. */
  readonly fallbackOf?: (model: string) => string | undefined;
}

const ASK_MS = 5000;
const HINT = 'Give --endpoint URL --model NAME, or configure backends; `caisson doctor` asks each of them.';

export function createRouter(backends: readonly Backend[], options: RouterOptions = {}): Router {
  const { clock = systemClock } = options;
  const fleet = createFleet(backends);
  const listeners: (() => void)[] = [];
  const changed = () => {
    for (const listener of listeners) listener();
  };
  const scene: Scene = { fleet, clock, changed, options };
  return {
    stream: (request, signal) => ask(scene, (backend) => backend.stream, request, signal),
    complete: (request, signal) => ask(scene, (backend) => backend.complete, request, signal),
    embed: (request, signal) => embed(scene, request, signal),
    passing: (model) => passing(scene, model),
    models: async (signal) => (await fleet.survey(signal)).models,
    findModel: async (wish) => {
      const model = wish === '' ? await firstModel(fleet) : wish;
      const found = await locate(fleet, model);
      if (found instanceof CaissonError) throw found;
      return { model, recorded: found[0].backend.recorded };
    },
    backendOf: async (model, signal) => {
      const found = await locate(fleet, model, signal);
      if (found instanceof CaissonError) return undefined;
      return (choose(found, { model, key: undefined }, clock.monotonic()) ?? found[0]).backend;
    },
    replicasOf: async (model, signal) => {
      const found = await locate(fleet, model, signal);
      return found instanceof CaissonError ? [] : found.map(({ name }) => name);
    },
    accepts: (name) => {
      const found = fleet.all().find((one) => one.name === name);
      return found === undefined || ['fit', 'full'].includes(found.fitness(clock.monotonic()));
    },
    states: () => fleet.all().map((one) => one.state(clock.monotonic())),
    reports: (signal) => reportsOf(fleet, signal),
    drain: (name, drained) => {
      const found = fleet.all().find((one) => one.name === name);
      found?.drain(drained);
      changed();
      return found?.state(clock.monotonic());
    },
    replace: (fresh) => {
      fleet.replace(fresh);
      changed();
    },
    onChange: (listener) => void listeners.push(listener),
    watch: () => watchHealth(fleet, clock, changed),
  };
}

interface Scene {
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly changed: () => void;
  readonly options: RouterOptions;
}

type Some<One> = readonly [One, ...One[]];

async function locate(fleet: Fleet, model: string, signal?: AbortSignal): Promise<Some<Replica> | CaissonError> {
  const [first, ...others] = fleet.known(model);
  if (first !== undefined) return [first, ...others];
  const late = AbortSignal.timeout(ASK_MS);
  const found = await fleet.survey(signal === undefined ? late : AbortSignal.any([signal, late]));
  const [surveyed, ...more] = fleet.known(model);
  return surveyed === undefined ? notServed(`no backend serves the model "${model}"`, found) : [surveyed, ...more];
}

async function* ask(
  scene: Scene,
  way: Way,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, undefined> {
  const affinity = affinityOf(request);
  let told: ModelErrorEvent | undefined;
  let asked = false;
  for (const model of modelsToAsk(request, scene.options)) {
    const found = await locate(scene.fleet, model, signal);
    let last = found instanceof CaissonError ? eventOf(found) : undefined;
    const replicas = found instanceof CaissonError ? [] : found;
    const attempts = createAttempts(replicas, { model, key: keyOf(affinity) }, scene.clock);
    for (let attempt = attempts.next(); attempt !== undefined; attempt = attempts.next()) {
      if (asked || model !== request.model) yield { type: 'passed_on', backend: attempt.replica.name, model };
      asked = true;
      last = yield* tryOne(attempt, way, { ...request, model, affinity }, signal);
      if (last === undefined) return undefined;
      scene.changed();
    }
    told ??= last ?? withdrawn(model);
  }
  yield signal.aborted || told === undefined ? failure('', signal) : told;
  return undefined;
}

type Way = (backend: Backend) => StreamModel | undefined;

/** The failure for which another is asked; undefined: all is said. */
async function* tryOne(
  attempt: Attempt,
  way: Way,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent, ModelErrorEvent | undefined> {
  const { name, backend } = attempt.replica;
  const stream = way(backend) ?? lacking;
  let begun = false;
  let usage: Usage | undefined;
  try {
    for await (const event of lawful({ name, stream }, request, signal)) {
      if (event.type === 'error') {
        if (attempt.failed(event, begun)) return event;
      } else if (!begun) {
        begun = true;
        attempt.heard();
      }
      if (event.type === 'finish') attempt.answered();
      // The last one counts: some engines say it in the middle too.
      if (event.type === 'usage') usage = event;
      yield event;
    }
  } finally {
    attempt.used(usage);
    attempt.end();
  }
  return undefined;
}

function modelsToAsk({ model, fallbackModel }: ChatRequest, { fallbackOf }: RouterOptions): readonly string[] {
  const other = fallbackModel ?? fallbackOf?.(model);
  return other === undefined || other === model ? [model] : [model, other];
}

async function* lacking({ model }: ChatRequest): AsyncGenerator<ModelEvent> {
  yield notSupported(lackWords(model, 'completions of plain text'));
}

function lackWords(model: string, what: string): string {
  return `the engine of the model ${JSON.stringify(model)} has no ${what}`;
}

/** Replicas there are, but none of them may be asked. */
function withdrawn(model: string): ModelErrorEvent {
  const message = `no backend takes requests for the model ${JSON.stringify(model)} now: they are being drained, or serve another`;
  return { type: 'error', code: 'backend_unreachable', message, retryable: true };
}

async function embed(scene: Scene, request: Parameters<Embed>[0], signal: AbortSignal): ReturnType<Embed> {
  const { model } = request;
  const found = await locate(scene.fleet, model, signal);
  if (found instanceof CaissonError) return eventOf(found);
  const attempts = createAttempts(found, { model, key: undefined }, scene.clock);
  let last: ModelErrorEvent | undefined;
  for (let attempt = attempts.next(); attempt !== undefined; attempt = attempts.next()) {
    const way = attempt.replica.backend.embed ?? (async () => notSupported(lackWords(model, 'embeddings')));
    const answer = await way(request, signal).finally(() => attempt.end());
    if (answer.type === 'embeddings') attempt.answered();
    else if (attempt.failed(answer, false)) {
      last = answer;
      scene.changed();
      continue;
    }
    return answer;
  }
  return last ?? withdrawn(model);
}

function notSupported(message: string): ModelErrorEvent {
  return { type: 'error', code: 'not_supported', message, retryable: false };
}

async function passing({ fleet, clock }: Scene, model: string): Promise<PassBytes | undefined> {
  const found = await locate(fleet, model);
  if (found instanceof CaissonError) return undefined;
  if (found.some(({ backend, send }) => backend.passing !== undefined && send === undefined))
    await Promise.all(found.map((one) => one.load()));
  if (found.every(({ send }) => send === undefined)) return undefined;
  if (found.some(({ backend }) => backend.leavesCalls?.() === true)) return undefined;
  return passOver((affinity) => {
    const key = affinity === undefined ? undefined : keyOf(affinity);
    return createAttempts(fleet.known(model), { model, key }, clock);
  });
}

async function firstModel(fleet: Fleet): Promise<string> {
  const found = await fleet.survey(AbortSignal.timeout(ASK_MS));
  const [first] = found.models;
  if (first === undefined) throw notServed('there is no model to work with', found);
  return first.id;
}

/** A backend that could not be asked may be the one that serves it: then that is what is wrong. */
function notServed(words: string, { served, failures }: Survey): CaissonError {
  const names = [...served.keys()];
  const list = names.length === 0 ? '' : `; served are: ${names.join(', ')}`;
  const [first] = failures;
  if (first === undefined) {
    const none = names.length === 0 ? '; no backend is configured that serves any' : list;
    return new CaissonError('model_not_found', `${words}${none}`, { hint: HINT });
  }
  const reasons = failures.map(
    ({ backend, error }) => `${backend} did not say what it serves: ${reportOf(error).message}`,
  );
  return new CaissonError('backend_unreachable', `${words}${list}; ${reasons.join('; ')}`, { cause: first.error });
}

function eventOf({ code, message }: CaissonError): ModelErrorEvent {
  return code === 'backend_unreachable'
    ? { type: 'error', code, message, retryable: true }
    : { type: 'error', code: 'model_not_found', message, retryable: false };
}
