// Owns a simulated day of replicas: its clock, who is asked, what came of it. The router's own code picks, or what it is held against.
import { choose } from '../../../src/backends/routing/attempts.ts';
import { keyOf } from '../../../src/backends/routing/affinity.ts';
import { createReplica, type Replica } from '../../../src/backends/routing/replica.ts';
import type { ModelErrorEvent } from '../../../src/contracts/model-events.ts';
import { seeded } from '../../unit/tools/seeded.ts';
import type { Conversation } from './loads.ts';
import { createSimulatedEngine, type SimulatedEngine, type Timeline } from './replica.ts';

export const STRATEGIES = ['caisson', 'round robin', 'random', 'least load'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface Outcome {
  readonly cachedShare: number;
  /** Milliseconds from the request to the first word. */
  readonly wait: { readonly median: number; readonly worst: number };
  /** Jain's index of the mean wait of each user: 1 where all wait alike. */
  readonly fairness: number;
  readonly requests: number;
  /** That a request met a death; each was asked again elsewhere. */
  readonly again: number;
}

export interface Day {
  readonly replicas: number;
  readonly strategy: Strategy;
  readonly load: readonly Conversation[];
  /** One replica dies then and comes back empty. */
  readonly killed?: { readonly atMs: number; readonly backMs: number };
}

const MODEL = 'm';
const NINETY_NINE = 0.99;
const AWAY: ModelErrorEvent = {
  type: 'error',
  code: 'backend_unreachable',
  message: 'nobody is there',
  retryable: true,
  unsent: true,
};

export function simulate({ replicas: count, strategy, load, killed }: Day): Outcome {
  const { timeline, run } = createTimeline();
  const engines = Array.from({ length: count }, () => createSimulatedEngine(timeline));
  const replicas = engines.map((_, index) => createReplica(backendNamed(`replica-${index}`)));
  const pick = pickerOf(strategy, timeline);
  const waits: { readonly user: number; readonly ms: number }[] = [];
  const sums = { prompt: 0, cached: 0, again: 0 };
  const ask = (
    conversation: Conversation,
    turn: number,
    promptTokens: number,
    left: readonly Replica[],
    since: number,
  ) => {
    const step = conversation.turns[turn];
    if (step === undefined) return;
    const replica = pick(left, conversation) ?? pick(replicas, conversation);
    const engine = replica === undefined ? undefined : engines[replicas.indexOf(replica)];
    if (replica === undefined || engine === undefined) throw new Error('there is no replica');
    const lease = replica.begin(timeline.now(), strategy === 'caisson' ? keyOf(conversation.name) : undefined);
    const another = () => {
      lease.end();
      lease.failed(AWAY, MODEL, timeline.now(), 0);
      sums.again += 1;
      ask(
        conversation,
        turn,
        promptTokens,
        left.filter((one) => one !== replica),
        since,
      );
    };
    if (!engine.alive) return another();
    engine.ask({
      conversation,
      promptTokens,
      answerTokens: step.answer,
      done: ({ ok, cachedTokens, firstWordAt }) => {
        if (!ok) return another();
        lease.end();
        lease.answered(timeline.now());
        sums.prompt += promptTokens;
        sums.cached += cachedTokens;
        waits.push({ user: conversation.user, ms: firstWordAt - since });
        const next = timeline.now() + step.thinkMs;
        const grown = promptTokens + step.answer + (conversation.turns[turn + 1]?.grows ?? 0);
        return timeline.at(next, () => ask(conversation, turn + 1, grown, replicas, next));
      },
    });
  };
  for (const conversation of load) {
    const { startMs, systemTokens, turns } = conversation;
    timeline.at(startMs, () => ask(conversation, 0, systemTokens + (turns[0]?.grows ?? 0), replicas, startMs));
  }
  const [victim] = engines;
  if (killed !== undefined && victim !== undefined) schedule(victim, killed, timeline);
  run();
  return { ...outcomeOf(waits), cachedShare: sums.cached / sums.prompt, again: sums.again };
}

function schedule(victim: SimulatedEngine, killed: NonNullable<Day['killed']>, timeline: Timeline): void {
  timeline.at(killed.atMs, () => victim.kill());
  timeline.at(killed.backMs, () => victim.revive());
}

function backendNamed(name: string): Parameters<typeof createReplica>[0] {
  return { name, recorded: true, places: 32, stream: async function* stream() {}, models: async () => [] };
}

type Pick = (replicas: readonly Replica[], conversation: Conversation) => Replica | undefined;

/** All of them pass over who is known to be away. */
function pickerOf(strategy: Strategy, timeline: Timeline): Pick {
  const random = seeded(5);
  let turn = 0;
  const fit = (replicas: readonly Replica[]) => {
    const found = replicas.filter((one) => one.fitness(timeline.now()) === 'fit');
    return found.length === 0 ? replicas : found;
  };
  const pickers: Readonly<Record<Strategy, Pick>> = {
    caisson: (replicas, { name }) => choose(replicas, { model: MODEL, key: keyOf(name) }, timeline.now()),
    'least load': (replicas) => choose(replicas, { model: MODEL, key: undefined }, timeline.now()),
    random: (replicas) => fit(replicas)[Math.floor(random() * fit(replicas).length)],
    'round robin': (replicas) => fit(replicas)[(turn += 1) % fit(replicas).length],
  };
  return pickers[strategy];
}

function outcomeOf(waits: readonly { readonly user: number; readonly ms: number }[]) {
  const sorted = waits.map(({ ms }) => ms).toSorted((left, right) => left - right);
  const users = new Map<number, { sum: number; count: number }>();
  for (const { user, ms } of waits) {
    const of = users.get(user) ?? { sum: 0, count: 0 };
    users.set(user, { sum: of.sum + ms, count: of.count + 1 });
  }
  const means = [...users.values()].map(({ sum, count }) => sum / count);
  const total = means.reduce((sum, mean) => sum + mean, 0);
  const squares = means.reduce((sum, mean) => sum + mean ** 2, 0);
  return {
    requests: waits.length,
    wait: { median: sorted[sorted.length >> 1] ?? 0, worst: sorted[Math.floor(sorted.length * NINETY_NINE)] ?? 0 },
    fairness: total ** 2 / (means.length * squares),
  };
}

/** A heap of things to come; the same moment in the order they were told. */
function createTimeline(): { readonly timeline: Timeline; readonly run: () => void } {
  const heap: { readonly time: number; readonly order: number; act(): void }[] = [];
  let now = 0;
  let order = 0;
  const before = (left: number, right: number) => {
    const [a, b] = [heap[left], heap[right]];
    if (a === undefined || b === undefined) return a !== undefined;
    return a.time === b.time ? a.order < b.order : a.time < b.time;
  };
  const swap = (left: number, right: number) => {
    const [a, b] = [heap[left], heap[right]];
    if (a !== undefined && b !== undefined) [heap[left], heap[right]] = [b, a];
  };
  const at = (time: number, act: () => void) => {
    heap.push({ time, order: (order += 1), act });
    for (let index = heap.length - 1; index > 0 && before(index, (index - 1) >> 1); index = (index - 1) >> 1)
      swap(index, (index - 1) >> 1);
  };
  const take = () => {
    swap(0, heap.length - 1);
    const first = heap.pop();
    for (let index = 0; ;) {
      const child = before(2 * index + 2, 2 * index + 1) ? 2 * index + 2 : 2 * index + 1;
      if (!before(child, index)) return first;
      swap(child, index);
      index = child;
    }
  };
  const run = () => {
    for (let next = take(); next !== undefined; next = take()) {
      now = next.time;
      next.act();
    }
  };
  return { timeline: { now: () => now, at }, run };
}
