// Owns what is done with probes of engines: sent, stored, read again, and who is refused because of one. Loaded when it is asked for.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { probeBackend } from './backends/probe/probe.ts';
import { systemClock } from './base/clock.ts';
import { CaissonError } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Backend } from './contracts/ports.ts';
import type { ProbeReport, ProbeResult } from './contracts/probes.ts';
import { createBackends } from './engines.ts';
import { openStoreReadOnly, type Store } from './store/open.ts';
import { latestProbes } from './store/probe-store.ts';

const ASK_MS = 5000;
const CASE_MS = 120_000;

export interface ProbeOrder {
  /** Absent: all of the configuration. */
  readonly backend?: string;
  readonly signal: AbortSignal;
  /** Hears each result as it comes. */
  readonly told: (backend: string, result: ProbeResult) => void;
  /** Stores it. */
  readonly keep: (report: ProbeReport) => Promise<void>;
}

/** Each backend with the first model that it serves. Rejects for a name that is none, and for one that does not answer. */
export async function probeEngines(config: LoadedConfig, order: ProbeOrder): Promise<readonly ProbeReport[]> {
  const chosen = chosenBackends(config, order.backend);
  const backends = await createBackends({ ...config, backends: chosen }, { allowRecorded: true });
  const reports: ProbeReport[] = [];
  for (const backend of backends.filter(({ recorded }) => !recorded)) {
    const [first] = await backend.models(AbortSignal.timeout(ASK_MS));
    if (first === undefined) throw new CaissonError('model_not_found', `the backend ${backend.name} serves no model`);
    const { signal } = order;
    const told = (result: ProbeResult) => order.told(backend.name, result);
    const report = await probeBackend(backend, first.id, { clock: systemClock, timeoutMs: CASE_MS, signal, told });
    if (signal.aborted) break;
    await order.keep(report);
    reports.push(report);
  }
  return reports;
}

function chosenBackends({ backends }: LoadedConfig, name: string | undefined): LoadedConfig['backends'] {
  const chosen = backends.filter((backend) => name === undefined || backend.name === name);
  if (chosen.length > 0) return chosen;
  const names = backends.map((backend) => backend.name).join(', ');
  throw new CaissonError('not_found', name === undefined ? 'no backend is configured' : `there is no backend ${name}`, {
    hint: names === '' ? 'Configure one under backends.' : `There are: ${names}.`,
  });
}

/** What was stored, beside a service that is at work too. Nothing where no data directory is yet. */
export async function storedProbes({ dataDir }: Pick<LoadedConfig, 'dataDir'>): Promise<readonly ProbeReport[]> {
  const file = join(dataDir, 'caisson.db');
  if ((await stat(file).catch(() => undefined)) === undefined) return [];
  const store = await openStoreReadOnly(file);
  try {
    return await latestProbes(store);
  } catch (error) {
    if (error instanceof CaissonError && error.code === 'data_dir_unusable') throw error;
    // A database of an earlier version has no probes yet.
    return [];
  } finally {
    await store.close();
  }
}

/** Those whose last probe, if there was one, came to what the configuration wants. The others are named in the log. */
export async function withoutUnfit(
  backends: readonly Backend[],
  settings: LoadedConfig['backends'],
  { store, logger }: { readonly store: Pick<Store, 'read'>; readonly logger: Logger },
): Promise<readonly Backend[]> {
  const wanted = new Map(
    settings.flatMap(({ name, minimumScore }) => (minimumScore === undefined ? [] : [[name, minimumScore]])),
  );
  const reports = await latestProbes(store);
  return backends.filter(({ name }) => {
    const minimum = wanted.get(name);
    const worst = Math.min(...reports.filter((one) => one.backend === name).map(({ score }) => score));
    if (minimum === undefined || worst >= minimum) return true;
    const words = `gets no requests: its probe came to ${worst} of 100, and minimum_score is ${minimum}`;
    logger.warn('engines', { remark: `backend ${name}: ${words}` });
    return false;
  });
}
