// Owns the transaction that many writes share: each fails alone, all are durable before any is acknowledged. Knows no operation.
import { rmSync } from 'node:fs';
import { CaissonError, reportOf } from '../base/errors.ts';
import { type FaultPoint, noFaults } from '../base/faults.ts';
import type { Connection, Db } from './connection.ts';
import { storeError } from './failures.ts';
import type { Job, JobResult, SideFile } from './messages.ts';
import { prepareSideFile, type PreparedFile } from './side-file.ts';

export interface BatchPorts {
  readonly connection: Connection;
  readonly find: (name: string) => ((db: Db, args: unknown) => unknown) | undefined;
  readonly dataDir: string;
  readonly faults: FaultPoint;
}

/**
 * Runs the jobs in order in one transaction and gives one result for each, after the commit. Never throws.
 * The side file of the last job that succeeded is written before the commit, so that a full disk undoes everything, and put in
 * place after it, so that it is never ahead of the database. A batch that only looked passes no fault point.
 */
export function commitBatch(jobs: readonly Job[], ports: BatchPorts): readonly JobResult[] {
  const { connection } = ports;
  let faults = noFaults;
  let prepared: PreparedFile | undefined;
  let results: readonly JobResult[];
  try {
    connection.exec('BEGIN IMMEDIATE');
    const before = changesOf(connection);
    results = jobs.map((job) => runJob(job, ports));
    const side = lastSide(jobs, results);
    if (side !== undefined || changesOf(connection) !== before) faults = ports.faults;
    prepared = side === undefined ? undefined : prepareSideFile(ports.dataDir, side);
    faults('before:store.commit');
    connection.exec('COMMIT');
  } catch (error) {
    return undo(jobs, ports, prepared, error);
  }
  faults('after:store.commit');
  return prepared === undefined ? results : placeSide(jobs, results, prepared, faults);
}

function changesOf(connection: Connection): number | undefined {
  return connection.prepare<{ changes: number }>('SELECT total_changes() AS changes').get()?.changes;
}

/** In a savepoint of its own. Throws only if SQLite gave up the whole transaction with it. */
function runJob(job: Job, { connection, find }: BatchPorts): JobResult {
  const operation = find(job.name);
  if (operation === undefined) return failed(job, new CaissonError('internal', `the store has no write ${job.name}`));
  connection.exec('SAVEPOINT job');
  try {
    const value = operation(connection, job.args);
    connection.exec('RELEASE job');
    return { id: job.id, ok: true, value };
  } catch (error) {
    if (!connection.inTransaction()) throw error;
    connection.exec('ROLLBACK TO job');
    connection.exec('RELEASE job');
    return failed(job, error);
  }
}

function lastSide(jobs: readonly Job[], results: readonly JobResult[]): SideFile | undefined {
  return jobs.findLast((job, index) => job.side !== undefined && results[index]?.ok === true)?.side;
}

/** The database is ahead of the file if this fails: those who asked for the file are told, and what they wrote is stored. */
function placeSide(
  jobs: readonly Job[],
  results: readonly JobResult[],
  prepared: PreparedFile,
  faults: FaultPoint,
): readonly JobResult[] {
  try {
    prepared.place();
  } catch (error) {
    return jobs.map((job, index) =>
      job.side === undefined ? (results[index] ?? failed(job, error)) : failed(job, error),
    );
  }
  faults('after:store.head');
  return results;
}

/** SQLite gives up the whole transaction when one write finds no room: then each is tried alone, so that it fails alone. */
function undo(
  jobs: readonly Job[],
  ports: BatchPorts,
  prepared: PreparedFile | undefined,
  error: unknown,
): readonly JobResult[] {
  if (ports.connection.inTransaction()) ports.connection.exec('ROLLBACK');
  if (prepared !== undefined) rmSync(prepared.file, { force: true });
  if (jobs.length > 1) return jobs.flatMap((job) => commitBatch([job], ports));
  return jobs.map((job) => failed(job, error));
}

function failed(job: Job, error: unknown): JobResult {
  return { id: job.id, ok: false, report: reportOf(storeError(error, `the write ${job.name} failed`)) };
}
