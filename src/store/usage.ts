// Owns the table of usage: sums by minute, account, team, model and run. Knows no limit and no price.
import type { Db } from './connection.ts';

export interface UsageRow {
  /** Minutes since 1970. */
  readonly minute: number;
  readonly account: string;
  readonly team: string;
  readonly model: string;
  /** '' for a client's own request. */
  readonly run: string;
  readonly exact: 0 | 1;
  readonly requests: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cached_tokens: number;
  readonly gpu_ms: number;
}

export interface UsageFilter {
  /** Minutes since 1970; `to` is not included. */
  readonly from: number;
  readonly to: number;
  readonly by: 'key' | 'team' | 'model' | 'run' | 'day';
  readonly account?: string;
}

type Sums = Pick<UsageRow, 'exact' | 'requests' | 'prompt_tokens' | 'completion_tokens' | 'cached_tokens' | 'gpu_ms'>;

export interface UsageSum extends Sums {
  readonly of: string;
  /** Name of the key; null where it is not about one. */
  readonly name: string | null;
}

/** What an account has used of its limits. */
export interface Standing {
  readonly tokens: number;
  readonly gpu_ms: number;
  /** Its own requests, without those of its runs. */
  readonly minutes: readonly { readonly minute: number; readonly requests: number; readonly tokens: number }[];
}

const MINUTES_OF_DAY = 1440;
const MINUTES_OF_HOUR = 60;
const JOINED_DAYS = 40;
/** A sum over runs can be long: the rest is left out. */
const MOST_LINES = 10_000;

const NUMBERS = 'requests, prompt_tokens, completion_tokens, cached_tokens, gpu_ms';
const ADD = `INSERT INTO usage (minute, account, team, model, run, exact, ${NUMBERS})
  VALUES (:minute, :account, :team, :model, :run, :exact,
    :requests, :prompt_tokens, :completion_tokens, :cached_tokens, :gpu_ms)
  ON CONFLICT (minute, account, team, model, run, exact) DO UPDATE SET
    requests = requests + excluded.requests,
    prompt_tokens = prompt_tokens + excluded.prompt_tokens,
    completion_tokens = completion_tokens + excluded.completion_tokens,
    cached_tokens = cached_tokens + excluded.cached_tokens,
    gpu_ms = gpu_ms + excluded.gpu_ms`;

const GROUPS: Readonly<Record<UsageFilter['by'], string>> = {
  key: 'account',
  team: 'team',
  model: 'model',
  run: 'run',
  day: `CAST(minute / ${MINUTES_OF_DAY} AS TEXT)`,
};
const SUMS = `sum(requests) AS requests, sum(prompt_tokens) AS prompt_tokens, sum(completion_tokens) AS completion_tokens,
  sum(cached_tokens) AS cached_tokens, sum(gpu_ms) AS gpu_ms`;

function addUsage(db: Db, { rows }: { readonly rows: readonly UsageRow[] }): void {
  const add = db.prepare(ADD);
  for (const row of rows) add.run(row);
}

/** Joins the minutes before `before` into hours: days stay exact, and a busy year stays small. Older months are not looked at again. */
function joinUsage(db: Db, { before }: { readonly before: number }): void {
  const hour = `minute - minute % ${MINUTES_OF_HOUR}`;
  const old = `minute >= :start AND minute < :end AND minute % ${MINUTES_OF_HOUR} <> 0`;
  const end = before - (before % MINUTES_OF_HOUR);
  const times = { start: end - JOINED_DAYS * MINUTES_OF_DAY, end };
  const rows = db
    .prepare<UsageRow>(
      `SELECT ${hour} AS minute, account, team, model, run, exact, ${SUMS} FROM usage WHERE ${old}
        GROUP BY ${hour}, account, team, model, run, exact`,
    )
    .all(times);
  db.prepare(`DELETE FROM usage WHERE ${old}`).run(times);
  addUsage(db, { rows });
}

/** One line for each group, or two where there are estimates as well; in the order of the groups. */
function sumUsage(db: Db, { by, ...filter }: UsageFilter): readonly UsageSum[] {
  const group = GROUPS[by];
  const name = by === 'key' ? '(SELECT name FROM keys WHERE id = usage.account)' : 'NULL';
  const sql = `SELECT ${group} AS of, ${name} AS name, exact, ${SUMS} FROM usage
    WHERE minute >= :from AND minute < :to AND (:account IS NULL OR account = :account) ${by === 'run' ? "AND run <> ''" : ''}
    GROUP BY ${group}, exact ORDER BY ${group}, exact DESC LIMIT ${MOST_LINES}`;
  return db.prepare<UsageSum>(sql).all({ account: null, ...filter });
}

/** `minute`: the one that goes on now. What is later than it was written by a clock that went wrong, and does not count. */
function readStanding(db: Db, { account, minute }: { readonly account: string; readonly minute: number }): Standing {
  const day = minute - (minute % MINUTES_OF_DAY);
  const sums = db
    .prepare<{ tokens: number | null; gpu_ms: number | null }>(
      `SELECT sum(prompt_tokens + completion_tokens) AS tokens, sum(gpu_ms) AS gpu_ms FROM usage
        WHERE account = :account AND minute BETWEEN :day AND :minute`,
    )
    .get({ account, day, minute });
  const minutes = db
    .prepare<Standing['minutes'][number]>(
      `SELECT minute, sum(requests) AS requests, sum(prompt_tokens + completion_tokens) AS tokens FROM usage
        WHERE account = :account AND run = '' AND minute BETWEEN :minute - 1 AND :minute GROUP BY minute ORDER BY minute`,
    )
    .all({ account, minute });
  return { tokens: sums?.tokens ?? 0, gpu_ms: sums?.gpu_ms ?? 0, minutes };
}

export const usageWrites = { addUsage, joinUsage };
export const usageReads = { sumUsage, readStanding };
