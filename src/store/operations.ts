// Owns the list of what the store can do, merged from one file per table group. Knows no SQL and no thread.
// A new table group: its file, its migration, and one line in each list here.
import { approvalReads, approvalWrites } from './approvals.ts';
import type { Db } from './connection.ts';
import { contentReads, contentWrites } from './contents.ts';
import { eventReads, eventWrites } from './events.ts';
import { keyReads, keyWrites } from './keys.ts';
import { probeReads, probeWrites } from './probes.ts';
import { responseReads, responseWrites } from './responses.ts';
import { runReads, runWrites } from './runs.ts';
import { usageReads, usageWrites } from './usage.ts';

/**
 * Run in the writer, inside its transaction, each in a savepoint of its own: one that throws is undone alone. They must not
 * begin or end transactions. Arguments and results are plain data.
 */
export const WRITES = {
  ...eventWrites,
  ...contentWrites,
  ...runWrites,
  ...approvalWrites,
  ...keyWrites,
  ...probeWrites,
  ...responseWrites,
  ...usageWrites,
};

/** Run on a connection that can only read. */
export const READS = {
  ...eventReads,
  ...contentReads,
  ...runReads,
  ...approvalReads,
  ...keyReads,
  ...probeReads,
  ...responseReads,
  ...usageReads,
};

type Operation = (db: Db, args: never) => unknown;
type Args<Op> = Op extends (db: Db, args: infer Given) => unknown ? Given : never;
type Result<Op> = Op extends (db: Db, args: never) => infer Value ? Value : never;

export type WriteName = keyof typeof WRITES;
export type WriteArgs<Name extends WriteName> = Args<(typeof WRITES)[Name]>;
export type WriteResult<Name extends WriteName> = Result<(typeof WRITES)[Name]>;
export type ReadName = keyof typeof READS;
export type ReadArgs<Name extends ReadName> = Args<(typeof READS)[Name]>;
export type ReadResult<Name extends ReadName> = Result<(typeof READS)[Name]>;

/** The operation of that name with its types forgotten, for a worker that got name and arguments by message; undefined if there is none. */
export function findOperation(
  operations: Readonly<Record<string, Operation>>,
  name: string,
): ((db: Db, args: unknown) => unknown) | undefined {
  return Object.hasOwn(operations, name) ? (operations[name] as (db: Db, args: unknown) => unknown) : undefined;
}
