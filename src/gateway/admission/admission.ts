// Owns the one door to the engines for clients and for runs: limits, the line, the count of what was used. Knows no dialect.
import type { Quotas, Rate, Standing } from '../../accounts/quotas.ts';
import type { UsageLog } from '../../accounts/usage.ts';
import type { StreamModel } from '../../contracts/ports.ts';
import type { QueueCount } from '../../telemetry/metrics.ts';
import type { AdmissionPass, AdmissionPort, EngineLine, Visitor } from '../ports.ts';
import { guessPromptTokens } from './counting.ts';
import type { Engine, Engines } from './engines.ts';
import { createPass } from './pass.ts';
import type { Guest } from './queue.ts';

export interface Admission extends AdmissionPort {
  /** The stream for runs: they wait in the same line as clients, as their owners, and are counted. */
  forRuns(stream: StreamModel, runOf: (id: string) => Promise<RunOwner | undefined>): StreamModel;
  /** For the metrics. A model that never said a word here is called `other`. */
  counts(): readonly QueueCount[];
}

export interface RunOwner {
  /** Account. */
  readonly owner: string;
  readonly team: string;
}

export interface AdmissionPorts {
  readonly quotas: Quotas;
  readonly usage: Pick<UsageLog, 'add' | 'report'>;
  readonly engines: Engines;
}

/** Names of models come from clients: the metrics must not grow with them. */
const MOST_MODELS = 200;
const NOBODY: RunOwner = { owner: 'unknown', team: 'unknown' };

export function createAdmission(ports: AdmissionPorts): Admission {
  const { usage, engines } = ports;
  const served = new Set<string>();
  const heard = (model: string) => {
    if (served.size < MOST_MODELS) served.add(model);
  };
  return {
    admit: (visitor) => admit(visitor, ports, heard),
    forRuns: (stream, runOf) =>
      async function* streamForRun(request, signal) {
        // The affinity of a run's request is its id.
        const run = request.affinity ?? '';
        const { owner: account, team } = (await runOf(run)) ?? NOBODY;
        const pass = runPass({ run, account, team, model: request.model }, guessPromptTokens(request), ports, heard);
        try {
          yield* pass.stream(stream, request, signal);
        } finally {
          pass.close();
        }
      },
    usage: (query) => usage.report(query),
    lines: () => engines.all().map(lineOf),
    counts: () => countsOf(engines.all(), (model) => (served.has(model) ? model : 'other')),
  };
}

async function admit(
  { principal, model, promptTokens, class: wished }: Visitor,
  { quotas, usage, engines }: AdmissionPorts,
  heard: (model: string) => void,
): ReturnType<AdmissionPort['admit']> {
  const entry = await quotas.enter(principal, { model, promptTokens });
  const headers = headersOf(entry.standing);
  if (!entry.ok) return { ok: false, headers, error: entry.error };
  const { id: account, team, limits } = principal;
  const pass = createPass(
    {
      key: account,
      model,
      promptTokens,
      class: limits?.class === 'batch' ? 'batch' : (wished ?? 'interactive'),
      patient: false,
      heard,
      end: (amount) => {
        const tokens = amount === undefined ? 0 : amount.promptTokens + amount.completionTokens;
        entry.visit.end({ tokens, gpuSeconds: amount?.gpuSeconds ?? 0 });
        if (amount !== undefined) usage.add({ account, team, run: '', ...amount });
      },
    },
    engines,
  );
  return { ok: true, headers, pass };
}

function runPass(
  of: { readonly run: string; readonly account: string; readonly team: string; readonly model: string },
  promptTokens: number,
  { quotas, usage, engines }: AdmissionPorts,
  heard: (model: string) => void,
): AdmissionPass {
  return createPass(
    {
      key: of.account,
      model: of.model,
      promptTokens,
      class: 'interactive',
      patient: true,
      heard,
      end: (amount) => {
        if (amount === undefined) return;
        usage.add({ ...of, ...amount });
        quotas.charge(of.account, {
          tokens: amount.promptTokens + amount.completionTokens,
          gpuSeconds: amount.gpuSeconds,
        });
      },
    },
    engines,
  );
}

/** In the names that OpenAI's clients read. */
function headersOf({ requests, tokens, warning }: Standing): Readonly<Record<string, string>> {
  return {
    ...(requests === undefined ? {} : requestHeaders(requests)),
    ...(tokens === undefined ? {} : tokenHeaders(tokens)),
    ...(warning === undefined ? {} : { 'x-caisson-budget-warning': warning }),
  };
}

function requestHeaders({ limit, remaining, resetMs }: Rate): Readonly<Record<string, string>> {
  return {
    'x-ratelimit-limit-requests': String(limit),
    'x-ratelimit-remaining-requests': String(remaining),
    'x-ratelimit-reset-requests': durationText(resetMs),
  };
}

function tokenHeaders({ limit, remaining, resetMs }: Rate): Readonly<Record<string, string>> {
  return {
    'x-ratelimit-limit-tokens': String(limit),
    'x-ratelimit-remaining-tokens': String(remaining),
    'x-ratelimit-reset-tokens': durationText(resetMs),
  };
}

/** As 120ms, 7s or 1m0s. */
function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.ceil(milliseconds)}ms`;
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function lineOf({ name, queue }: Engine): EngineLine {
  const { running, waiting } = queue.view();
  const plain = ({ key, class: of, model }: Guest) => ({ key, class: of, model });
  return {
    engine: name,
    running: running.map(plain),
    waiting: waiting.map((guest, index) => ({ ...plain(guest), position: index + 1, waitedMs: guest.waitedMs })),
  };
}

function countsOf(engines: readonly Engine[], label: (model: string) => string): readonly QueueCount[] {
  const counts = new Map<string, { model: string; running: number; interactive: number; batch: number }>();
  const countOf = (guest: Guest) => {
    const model = label(guest.model);
    const count = counts.get(model) ?? { model, running: 0, interactive: 0, batch: 0 };
    counts.set(model, count);
    return count;
  };
  for (const { queue } of engines) {
    const { running, waiting } = queue.view();
    for (const guest of running) countOf(guest).running += 1;
    for (const guest of waiting) countOf(guest)[guest.class] += 1;
  }
  return [...counts.values()];
}
