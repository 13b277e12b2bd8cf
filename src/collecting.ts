// Owns when what is kept of files is collected: at the start of a service and hourly, and at the end of a command. A composition root.
import { systemClock } from './base/clock.ts';
import { formatError } from './base/errors.ts';
import { type EventBody, SERVICE_CHAIN } from './contracts/run-events.ts';
import type { House } from './house.ts';
import { collectKept } from './workspace/snapshots/collect.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Returns the way to stop. */
export function collectHourly(house: House): () => void {
  void collectOnce(house);
  const timer = setInterval(() => void collectOnce(house), HOUR_MS).unref();
  return () => clearInterval(timer);
}

/** Never rejects: what could not be removed is tried again the next time. */
export async function collectOnce({ config, places, runs, journal, logger }: House): Promise<void> {
  const { keepDays, diskPercent } = config.workspace;
  const { keptRoot, runsRoot } = places;
  try {
    const live = new Set(runs.live());
    const plan = { keptRoot, runsRoot, live, keepMs: keepDays * DAY_MS, diskPercent, now: systemClock.now() };
    const { byAge, byDisk, leftOver } = await collectKept(plan);
    if (byAge.length + byDisk.length + leftOver.length === 0) return;
    const body: EventBody = { type: 'collected', byAge: [...byAge], byDisk: [...byDisk], leftOver: leftOver.length };
    await journal.append([{ chain: SERVICE_CHAIN, body }]);
  } catch (error) {
    logger.warn('what is kept of old runs could not be collected', { reason: formatError(error) });
  }
}
