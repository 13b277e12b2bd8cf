// Owns the Prometheus text of the service: names, help, labels. Labels come from closed lists: never an id, never a user's text.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Approvals, BackendState } from '../contracts/ports.ts';
import { type MakeGauge, type Reports, showEngines } from './engines.ts';
import type { Tally } from './tally.ts';

export interface Metrics {
  /** Text format 0.0.4. */
  text(): Promise<string>;
  close(): void;
}

/** Of one model, at all its engines. */
export interface QueueCount {
  readonly model: string;
  readonly running: number;
  readonly interactive: number;
  readonly batch: number;
}

const NANOSECONDS = 1e9;
const MENDED = 'What was mended of requests before an engine was asked.';
const REPAIRED = 'What was repaired of answers whose text is read here, or refused in them.';
const RESOLUTION_MS = 10;
const QUANTILES: readonly (readonly [label: string, percent: number])[] = [
  ['0.5', 50],
  ['0.99', 99],
  ['1', 100],
];

/** Reads the tally when it is asked, so that nothing is counted twice and nothing costs in between. */
export function createMetrics(of: {
  readonly tally: Tally;
  readonly approvals: Pick<Approvals, 'list'>;
  /** Requests at the engines and before them. Its models are those that are served. */
  readonly queues?: () => readonly QueueCount[];
  /** Its names are those of the configuration. */
  readonly backends?: () => readonly BackendState[];
  /** By name, what engines say of themselves; asked once for each text. */
  readonly engines?: () => Promise<Reports>;
}): Metrics {
  const { tally, approvals, queues, backends, engines } = of;
  const registry = new Registry();
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const { counter, gauge } = makersIn(registry);

  countRequests(counter, tally);
  countTokens(counter, tally);
  countByLabel(counter, 'caisson_runs_ended_total', 'Runs by how they ended.', 'end', () => tally.counts().runs);
  countByLabel(
    counter,
    'caisson_journal_events_total',
    'Events of the journal by type.',
    'type',
    () => tally.counts().events,
  );
  countByLabel(counter, 'caisson_mended_total', MENDED, 'kind', () => tally.counts().mended);
  countByLabel(counter, 'caisson_repairs_total', REPAIRED, 'kind', () => tally.counts().repairs);
  gauge('caisson_sandboxes_open', 'Sandboxes that are open now.', [], (into) => into.set(tally.counts().openSandboxes));
  gauge('caisson_approvals_waiting', 'Questions that wait for a person.', [], async (into) => {
    into.set((await approvals.list({ state: 'waiting' })).length);
  });
  if (queues !== undefined) countQueues(gauge, queues);
  if (backends !== undefined) countBackends(counter, gauge, backends);
  let reports: Reports = new Map();
  if (engines !== undefined) showEngines(gauge, () => reports);
  gauge('caisson_event_loop_delay_seconds', 'Delay of the event loop since the last reading.', ['quantile'], (into) => {
    for (const [quantile, percent] of QUANTILES) into.set({ quantile }, delay.percentile(percent) / NANOSECONDS);
    delay.reset();
  });
  gauge('caisson_memory_resident_bytes', 'Resident memory of this process.', [], (into) =>
    into.set(process.memoryUsage.rss()),
  );
  const text = async () => {
    reports = (await engines?.()) ?? reports;
    return registry.metrics();
  };
  return { text, close: () => delay.disable() };
}

type MakeCounter = (name: string, help: string, labels: string[], collect: (into: Counter) => void) => Counter;

/** Each number is made when the text is. */
function makersIn(registry: Registry) {
  const counter = (name: string, help: string, labelNames: string[], collect: (into: Counter) => void) =>
    new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect() {
        this.reset();
        collect(this);
      },
    });
  const gauge = (name: string, help: string, labelNames: string[], collect: (into: Gauge) => void | Promise<void>) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: function read() {
        return collect(this);
      },
    });
  return { counter, gauge };
}

/** A model that nobody asks any more has no line any more. */
function countQueues(gauge: MakeGauge, queues: () => readonly QueueCount[]): void {
  gauge('caisson_queue_waiting', 'Requests that wait for an engine.', ['model', 'class'], (into) => {
    into.reset();
    for (const { model, interactive, batch } of queues()) {
      into.set({ model, class: 'interactive' }, interactive);
      into.set({ model, class: 'batch' }, batch);
    }
  });
  gauge('caisson_queue_running', 'Requests at an engine.', ['model'], (into) => {
    into.reset();
    for (const { model, running } of queues()) into.set({ model }, running);
  });
}

function countBackends(counter: MakeCounter, gauge: MakeGauge, backends: () => readonly BackendState[]): void {
  const gauges = [
    ['up', 'Whether it gets requests.', ({ state }: BackendState) => (state === 'up' || state === 'trial' ? 1 : 0)],
    ['in_flight', 'Requests that it works on.', ({ inFlight }: BackendState) => inFlight],
  ] as const;
  for (const [name, help, read] of gauges)
    gauge(`caisson_backend_${name}`, help, ['backend'], (into) => {
      into.reset();
      for (const state of backends()) into.set({ backend: state.name }, read(state));
    });
  const counters = [
    ['requests', 'Requests that were sent to it.', ({ requests }: BackendState) => requests],
    ['failures', 'Those that failed by its own fault.', ({ failures }: BackendState) => failures],
    [
      'prompt_tokens',
      'Tokens of its prompts, as its answers say.',
      ({ promptTokens = 0 }: BackendState) => promptTokens,
    ],
    ['cached_tokens', 'Those of them that came from its cache.', ({ cachedTokens = 0 }: BackendState) => cachedTokens],
  ] as const;
  for (const [name, help, read] of counters)
    counter(`caisson_backend_${name}_total`, help, ['backend'], (into) => {
      for (const state of backends()) into.inc({ backend: state.name }, read(state));
    });
}

function countRequests(counter: MakeCounter, tally: Tally): void {
  const labels = ['method', 'route', 'status'];
  const each = (into: Counter, value: (entry: { readonly count: number; readonly seconds: number }) => number) => {
    for (const [label, entry] of tally.counts().requests) {
      const [method = '', route = '', status = ''] = label.split(' ');
      into.inc({ method, route, status }, value(entry));
    }
  };
  counter('caisson_http_requests_total', 'Answered requests.', labels, (into) => each(into, ({ count }) => count));
  counter('caisson_http_request_seconds_total', 'Time spent on answered requests.', labels, (into) =>
    each(into, ({ seconds }) => seconds),
  );
}

function countTokens(counter: MakeCounter, tally: Tally): void {
  counter('caisson_tokens_total', 'Tokens of models, by who used them.', ['for', 'kind'], (into) => {
    for (const [user, { promptTokens, completionTokens }] of Object.entries(tally.counts().tokens)) {
      into.inc({ for: user, kind: 'prompt' }, promptTokens);
      into.inc({ for: user, kind: 'completion' }, completionTokens);
    }
  });
}

function countByLabel(
  counter: MakeCounter,
  name: string,
  help: string,
  label: string,
  read: () => ReadonlyMap<string, number>,
): void {
  counter(name, help, [label], (into) => {
    for (const [value, count] of read()) into.inc({ [label]: value }, count);
  });
}
