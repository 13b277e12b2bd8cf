// Owns what the engines say of themselves, asked all at once. Knows no metric and no wire format.
import type { EngineReport } from '../../contracts/ports.ts';
import type { Fleet } from './fleet.ts';

/** By name. Those that say nothing are left out. */
export async function reportsOf(
  fleet: Pick<Fleet, 'all'>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, EngineReport>> {
  const told = fleet.all().map(async ({ name, backend }) => [name, await backend.report?.(signal)] as const);
  const reports = await Promise.all(told);
  return new Map(reports.flatMap(([name, report]) => (says(report) ? [[name, report] as const] : [])));
}

function says(report: EngineReport | undefined): report is EngineReport {
  return report !== undefined && (report.version !== undefined || report.numbers !== undefined);
}
