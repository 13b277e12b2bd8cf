// Owns one replica as the router sees it: what it serves, what is under way there, how that went. Chooses nothing.
import type { ModelErrorEvent, Usage } from '../../contracts/model-events.ts';
import type { PassBytes } from '../../contracts/passing.ts';
import type { Backend, BackendState } from '../../contracts/ports.ts';
import { keyOf } from './affinity.ts';
import { type Breaker, createBreaker } from './breaker.ts';
import { createConversations } from './conversations.ts';
import type { Candidate } from './pick.ts';

export interface Replica extends Candidate {
  readonly name: string;
  readonly backend: Backend;
  /** `full`: it said that it has too much to do. Drained and away ones get nothing that another can do. */
  fitness(now: number): 'fit' | 'full' | 'away' | 'drained';
  /** False for a while after it said that it does not know the model. */
  mayServe(model: string, now: number): boolean;
  /** The way of bytes, once `load` has made it; undefined: it has none. */
  readonly send: PassBytes | undefined;
  load(): Promise<void>;
  /** `key`: of the conversation, which is there from now on. */
  begin(now: number, key: number | undefined): Lease;
  drain(drained: boolean): void;
  reported(well: boolean, now: number): void;
  state(now: number): BackendState;
}

/** One request there. */
export interface Lease {
  readonly replica: Replica;
  /** The first of its answer is there: a trial ends with it. */
  heard(now: number): void;
  answered(now: number): void;
  used(usage: Pick<Usage, 'promptTokens' | 'cachedTokens'> | undefined): void;
  /** `time`: milliseconds since 1970, for those who look at it later. */
  failed(event: ModelErrorEvent, model: string, now: number, time: number): void;
  /** Gives the place back; only the first call counts. */
  end(): void;
}

const PLACES = 64;
const LACKS_MS = 60_000;
const FULL_MS = 1000;
const LONGEST_FULL_MS = 5000;
const SECOND_MS = 1000;

interface Inner {
  readonly breaker: Breaker;
  /** Models that it said it does not know, with the end of the time for which it is believed. */
  readonly lacks: Map<string, number>;
  requests: number;
  failures: number;
  inFlight: number;
  promptTokens: number;
  cachedTokens: number;
  drained: boolean;
  fullUntil: number;
  lastFailure: BackendState['lastFailure'];
}

export function createReplica(backend: Backend): Replica {
  const { name, weight = 1, places = PLACES } = backend;
  const inner: Inner = {
    breaker: createBreaker(),
    lacks: new Map(),
    requests: 0,
    failures: 0,
    inFlight: 0,
    promptTokens: 0,
    cachedTokens: 0,
    drained: false,
    fullUntil: Number.NEGATIVE_INFINITY,
    lastFailure: undefined,
  };
  const conversations = createConversations();
  let send: PassBytes | undefined;
  let loaded = backend.passing === undefined;
  const replica: Replica = {
    name,
    backend,
    seed: keyOf(name),
    weight,
    places,
    get inFlight() {
      return inner.inFlight;
    },
    get send() {
      return send;
    },
    fitness: (now) => {
      if (inner.drained) return 'drained';
      if (inner.breaker.trust(now) === 'open') return 'away';
      return now < inner.fullUntil ? 'full' : 'fit';
    },
    mayServe: (model, now) => inner.lacks.size === 0 || (inner.lacks.get(model) ?? Number.NEGATIVE_INFINITY) <= now,
    load: async () => {
      if (loaded) return;
      send = await backend.passing?.();
      loaded = true;
    },
    conversations,
    begin: (now, key) => {
      if (key !== undefined) conversations.came(key, now);
      return begin(inner, replica, now);
    },
    drain: (drained) => (inner.drained = drained),
    reported: (well, now) => {
      if (well) inner.lacks.clear();
      inner.breaker.reported(well, now);
    },
    state: (now) => ({ name, weight, places, ...stateOf(inner, now) }),
  };
  return replica;
}

function begin(inner: Inner, replica: Replica, now: number): Lease {
  inner.requests += 1;
  inner.inFlight += 1;
  inner.breaker.began(now);
  let held = true;
  return {
    replica,
    heard: (at) => inner.breaker.heard(at),
    answered: (at) => inner.breaker.answered(at),
    used: (usage) => {
      inner.promptTokens += usage?.promptTokens ?? 0;
      inner.cachedTokens += usage?.cachedTokens ?? 0;
    },
    failed: (event, model, at, time) => note(inner, event, model, { at, time }),
    end: () => {
      if (held) inner.inFlight -= 1;
      held = false;
    },
  };
}

function note(
  inner: Inner,
  event: ModelErrorEvent,
  model: string,
  { at, time }: { readonly at: number; readonly time: number },
): void {
  const { code, message, retryAfter, unsent } = event;
  if (code === 'overloaded')
    inner.fullUntil = at + Math.min(retryAfter === undefined ? FULL_MS : retryAfter * SECOND_MS, LONGEST_FULL_MS);
  if (code === 'model_not_found') inner.lacks.set(model, at + LACKS_MS);
  if (isOwnFault(event)) {
    inner.failures += 1;
    inner.lastFailure = { at: time, code, message };
    inner.breaker.failed(at, unsent === true);
  } else if (code !== 'aborted') inner.breaker.answered(at);
}

function stateOf(inner: Inner, now: number) {
  const { breaker, drained, requests, failures, inFlight, promptTokens, cachedTokens, lastFailure } = inner;
  const until = breaker.openUntil();
  return {
    state: drained ? 'draining' : STATES[breaker.trust(now)],
    inFlight,
    requests,
    failures,
    ...(promptTokens === 0 ? {} : { promptTokens, cachedTokens }),
    ...(until === undefined ? {} : { nextTryMs: Math.max(0, Math.round(until - now)) }),
    ...(lastFailure === undefined ? {} : { lastFailure }),
  } as const;
}

const STATES = { closed: 'up', trial: 'trial', open: 'away' } as const;

/** Of the engine or of the way to it, not of the request. */
function isOwnFault({ code }: ModelErrorEvent): boolean {
  return code === 'backend_unreachable' || code === 'backend_failed' || code === 'backend_garbage';
}
