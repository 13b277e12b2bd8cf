// Owns the form in which reports of probes are stored. Knows no SQL and no engine.
import { type ProbeReport, probeSchema } from '../contracts/probes.ts';
import { parseColumn } from './json-column.ts';
import type { Store } from './open.ts';

export async function saveProbe(store: Store, report: ProbeReport): Promise<void> {
  const { results: _, ...row } = report;
  await store.write('saveProbe', { ...row, report: JSON.stringify(report) });
}

/** Of each backend and model, the newest one; newest first. */
export async function latestProbes(store: Pick<Store, 'read'>): Promise<readonly ProbeReport[]> {
  const latest = new Map<string, ProbeReport>();
  for (const { backend, model, report } of await store.read('listProbes', {})) {
    const of = JSON.stringify([backend, model]);
    if (!latest.has(of)) latest.set(of, parseColumn(report, probeSchema, `the probe of ${backend}`));
  }
  return [...latest.values()];
}
