// Owns the table of probes: the last one of each backend, model and version. Knows no case of them.
import type { Db } from './connection.ts';

export interface ProbeRow {
  readonly backend: string;
  readonly model: string;
  readonly version: string;
  readonly at: number;
  readonly score: number;
  /** JSON. */
  readonly report: string;
}

const SAVE = `INSERT OR REPLACE INTO probes (backend, model, version, at, score, report)
  VALUES (:backend, :model, :version, :at, :score, :report)`;
const COLUMNS = 'backend, model, version, at, score, report';

function saveProbe(db: Db, row: ProbeRow): void {
  db.prepare(SAVE).run(row);
}

/** Newest first. */
function listProbes(db: Db): readonly ProbeRow[] {
  return db.prepare<ProbeRow>(`SELECT ${COLUMNS} FROM probes ORDER BY at DESC, backend, model, version`).all({});
}

export const probeWrites = { saveProbe };
export const probeReads = { listProbes };
