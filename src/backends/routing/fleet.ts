// Owns the list of replicas and which of them serve a model. Sends no request for an answer.
import type { Backend, ModelInfo } from '../../contracts/ports.ts';
import { createReplica, type Replica } from './replica.ts';

/** What all backends said of their models. */
export interface Survey {
  readonly models: readonly ModelInfo[];
  /** By model, the replicas that serve it. */
  readonly served: ReadonlyMap<string, readonly Replica[]>;
  readonly failures: readonly { readonly backend: string; readonly error: unknown }[];
}

export interface Fleet {
  all(): readonly Replica[];
  /** Nobody is asked. Empty: nobody is known to serve it. */
  known(model: string): readonly Replica[];
  /** Asks all. */
  survey(signal: AbortSignal): Promise<Survey>;
  /** Asks one again, which may serve something else now. */
  learn(replica: Replica, signal: AbortSignal): Promise<void>;
  /** Takes the place of the list. Who was there under the same name stays drained. */
  replace(backends: readonly Backend[]): void;
}

/**
 * Names that the configuration declares are never asked for. A single backend that declares none gets every model unasked: it knows
 * best what it serves. Otherwise backends are asked once, and again for a name that is not known.
 */
export function createFleet(backends: readonly Backend[]): Fleet {
  let replicas = backends.map(createReplica);
  let answers = new Map<Replica, readonly ModelInfo[]>();
  /** By model, what `known` found: it is asked for each request. */
  const found = new Map<string, readonly Replica[]>();
  const find = (model: string): readonly Replica[] => {
    const [only] = replicas;
    if (only !== undefined && replicas.length === 1 && only.backend.declared === undefined) return [only];
    const declared = replicas.filter(({ backend }) => backend.declared?.includes(model));
    const serves = (one: Replica) => answers.get(one)?.some(({ id }) => id === model) === true;
    return [...declared, ...replicas.filter((one) => serves(one) && !declared.includes(one))];
  };
  return {
    all: () => replicas,
    known: (model) => {
      const before = found.get(model);
      if (before !== undefined) return before;
      const now = find(model);
      // Names come from clients: only those that are served are kept.
      if (now.length > 0 && found.size < MOST_NAMES) found.set(model, now);
      return now;
    },
    survey: async (signal) => {
      const asked = replicas;
      const told = await Promise.allSettled(asked.map(({ backend }) => backend.models(signal)));
      const fresh = new Map(
        asked.map((one, index) => {
          const answer = told[index];
          return [one, answer?.status === 'fulfilled' ? answer.value : []] as const;
        }),
      );
      if (asked === replicas) answers = fresh;
      found.clear();
      const failures = asked.flatMap(({ name }, index) => {
        const answer = told[index];
        return answer?.status === 'rejected' ? [{ backend: name, error: answer.reason as unknown }] : [];
      });
      return { models: [...fresh.values()].flat(), served: servedBy(fresh), failures };
    },
    learn: async (replica, signal) => {
      const models = await replica.backend.models(signal).catch(() => undefined);
      if (models === undefined || !replicas.includes(replica)) return;
      answers.set(replica, models);
      found.clear();
    },
    replace: (fresh) => {
      const drained = new Set(replicas.filter((one) => one.fitness(0) === 'drained').map(({ name }) => name));
      for (const { backend } of replicas) backend.retire?.();
      replicas = fresh.map(createReplica);
      for (const one of replicas) one.drain(drained.has(one.name));
      answers = new Map();
      found.clear();
    },
  };
}

const MOST_NAMES = 1000;

function servedBy(answers: ReadonlyMap<Replica, readonly ModelInfo[]>): ReadonlyMap<string, readonly Replica[]> {
  const served = new Map<string, Replica[]>();
  for (const [replica, models] of answers)
    for (const { id } of models) {
      const others = served.get(id) ?? [];
      if (!others.includes(replica)) served.set(id, [...others, replica]);
    }
  return served;
}
