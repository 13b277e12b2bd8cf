// Owns what was used: taken in memory, written in batches, summed up for those who ask. Knows no limit and no request.
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { UsageLine, UsageQuery, UsageSums } from '../contracts/accounts.ts';
import type { Store } from '../store/open.ts';
import type { UsageRow, UsageSum } from '../store/usage.ts';

/** One answer that ended. */
export interface Used {
  readonly account: string;
  readonly team: string;
  readonly model: string;
  /** '' for a client's own request. */
  readonly run: string;
  /** The answer came whole and its engine said what it used. */
  readonly exact: boolean;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cachedTokens: number;
  readonly gpuSeconds: number;
}

export interface UsageLog {
  /** Costs no disk: it is written a moment later. Must not throw. */
  add(used: Used): void;
  /** Resolves when all that was added before is durable, or could not be written. */
  flush(): Promise<void>;
  report(query: UsageQuery): Promise<readonly UsageLine[]>;
  /** Writes what is left. */
  close(): Promise<void>;
}

export const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
/** A crash loses at most what was used in this time. */
const GATHER_MS = 250;
/** Sums that wait while the disk is full; more are lost, and the log says so. */
const MOST_WAITING = 10_000;
/** Minutes are kept so long; then hours do. */
const MINUTES_KEPT = 3 * 24 * 60;
const JOIN_EVERY_MS = 60 * MINUTE_MS;
const NOTHING: UsageSums = { requests: 0, promptTokens: 0, completionTokens: 0, cachedTokens: 0, gpuSeconds: 0 };

type Waiting = Map<string, UsageRow>;

export function createUsageLog(ports: {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
}): UsageLog {
  const { store, clock, logger } = ports;
  let waiting: Waiting = new Map();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  // Not at once: a command that runs for a minute has better things to do.
  let joined = clock.monotonic();
  const write = async () => {
    const rows = [...waiting.values()];
    waiting = new Map();
    if (rows.length === 0) return;
    try {
      await store.write('addUsage', { rows });
      if (clock.monotonic() - joined < JOIN_EVERY_MS) return;
      joined = clock.monotonic();
      await store.write('joinUsage', { before: minuteOf(clock.now()) - MINUTES_KEPT });
    } catch (error) {
      logger.error('usage could not be written; it is tried again', { message: String(error) });
      for (const row of rows) merge(waiting, row, logger);
    }
  };
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    return (writing = writing.then(write));
  };
  return {
    add: (used) => {
      merge(waiting, rowOf(used, minuteOf(clock.now())), logger);
      timer ??= setTimeout(() => void flush(), GATHER_MS).unref();
    },
    flush,
    report: async ({ from, to, ...query }) => {
      await flush();
      const filter = { ...query, from: minuteOf(from), to: Math.ceil(to / MINUTE_MS) };
      return linesOf(await store.read('sumUsage', filter), query.by);
    },
    close: flush,
  };
}

export function minuteOf(milliseconds: number): number {
  return Math.floor(milliseconds / MINUTE_MS);
}

function rowOf(used: Used, minute: number): UsageRow {
  const { account, team, model, run } = used;
  return {
    minute,
    account,
    team,
    model,
    run,
    exact: used.exact ? 1 : 0,
    requests: 1,
    prompt_tokens: used.promptTokens,
    completion_tokens: used.completionTokens,
    cached_tokens: used.cachedTokens,
    gpu_ms: used.gpuSeconds * 1000,
  };
}

function merge(waiting: Waiting, row: UsageRow, logger: Logger): void {
  const { minute, account, team, model, run, exact } = row;
  const place = `${minute}\0${exact}\0${account}\0${run}\0${team}\0${model}`;
  const known = waiting.get(place);
  if (known === undefined && waiting.size >= MOST_WAITING) {
    logger.error('usage is lost: too much of it could not be written', { account, requests: row.requests });
    return;
  }
  waiting.set(place, known === undefined ? row : sumOf(known, row));
}

function sumOf(one: UsageRow, other: UsageRow): UsageRow {
  return {
    ...one,
    requests: one.requests + other.requests,
    prompt_tokens: one.prompt_tokens + other.prompt_tokens,
    completion_tokens: one.completion_tokens + other.completion_tokens,
    cached_tokens: one.cached_tokens + other.cached_tokens,
    gpu_ms: one.gpu_ms + other.gpu_ms,
  };
}

/** Exact and estimated sums of one group, which come one after the other, in one line. */
function linesOf(sums: readonly UsageSum[], by: UsageQuery['by']): readonly UsageLine[] {
  const lines = new Map<string, UsageLine>();
  for (const sum of sums) {
    const line = lines.get(sum.of) ?? emptyLine(sum, by);
    const numbers: UsageSums = {
      requests: sum.requests,
      promptTokens: sum.prompt_tokens,
      completionTokens: sum.completion_tokens,
      cachedTokens: sum.cached_tokens,
      gpuSeconds: sum.gpu_ms / 1000,
    };
    lines.set(sum.of, sum.exact === 1 ? { ...line, ...numbers } : { ...line, estimated: numbers });
  }
  return [...lines.values()];
}

function emptyLine({ of, name }: UsageSum, by: UsageQuery['by']): UsageLine {
  const label = by === 'day' ? new Date(Number(of) * DAY_MS).toISOString().slice(0, 10) : of;
  return { of: label, ...(name === null ? {} : { name }), ...NOTHING, estimated: NOTHING };
}
