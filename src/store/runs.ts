// Owns the table of runs. Knows no run but its row.
import type { Db } from './connection.ts';

export interface RunRow {
  readonly id: string;
  readonly owner: string;
  readonly team: string;
  readonly state: string;
  /** The record as JSON. */
  readonly record: string;
}

export interface RunFilter {
  readonly owner?: string;
  readonly team?: string;
  readonly state?: string;
  /** Only runs whose id is less than it. */
  readonly before?: string;
  readonly limit: number;
}

const SAVE = `INSERT INTO runs (id, owner, team, state, record) VALUES (:id, :owner, :team, :state, :record)
  ON CONFLICT (id) DO UPDATE SET state = excluded.state, record = excluded.record`;
const LIST = `SELECT id, record FROM runs
  WHERE (:owner IS NULL OR owner = :owner) AND (:team IS NULL OR team = :team) AND (:state IS NULL OR state = :state)
    AND (:before IS NULL OR id < :before)
  ORDER BY id DESC LIMIT :limit`;

function saveRun(db: Db, row: RunRow): void {
  db.prepare(SAVE).run(row);
}

type StoredRun = Pick<RunRow, 'id' | 'record'>;

function readRun(db: Db, { id }: { readonly id: string }): StoredRun | undefined {
  return db.prepare<StoredRun>('SELECT id, record FROM runs WHERE id = ?').get(id);
}

/** Newest first. */
function listRuns(db: Db, filter: RunFilter): readonly StoredRun[] {
  const none = { owner: null, team: null, state: null, before: null };
  return db.prepare<StoredRun>(LIST).all({ ...none, ...filter });
}

export const runWrites = { saveRun };
export const runReads = { readRun, listRuns };
