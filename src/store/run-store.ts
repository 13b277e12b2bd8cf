// Owns the port of the runs' projection, and the form in which a record is stored. Knows no SQL.
import type { z as Schema } from 'zod';
import { type ErrorCode, isErrorCode } from '../base/errors.ts';
import { late } from '../base/schema.ts';
import type { RunStore } from '../contracts/ports.ts';
import type { RunRecord } from '../contracts/runs.ts';
import { parseColumn } from './json-column.ts';
import type { Store } from './open.ts';
import type { RunRow } from './runs.ts';

const recordSchema = late((z) => {
  const count = z.int().min(0);
  const errorSchema = z.strictObject({
    code: z.custom<ErrorCode>((code) => typeof code === 'string' && isErrorCode(code)),
    message: z.string(),
    hint: z.string(),
    place: z
      .strictObject({
        file: z.string().exactOptional(),
        line: z.int().exactOptional(),
        column: z.int().exactOptional(),
        field: z.string().exactOptional(),
      })
      .exactOptional(),
  });
  const endSchema = z.discriminatedUnion('end', [
    z.strictObject({ end: z.literal('done'), verified: z.boolean() }),
    z.strictObject({ end: z.literal('checks_failed') }),
    z.strictObject({ end: z.literal('limit_hit'), limit: z.string() }),
    z.strictObject({ end: z.literal('denied'), rule: z.string() }),
    z.strictObject({ end: z.literal('cancelled'), by: z.string() }),
    z.strictObject({ end: z.literal('crashed') }),
    z.strictObject({ end: z.literal('failed'), error: errorSchema }),
  ]);
  return z.strictObject({
    id: z.string(),
    task: z.string(),
    model: z.string(),
    owner: z.string(),
    team: z.string(),
    state: z.enum(['queued', 'running', 'waiting', 'ended']),
    startedAt: z.number(),
    endedAt: z.number().exactOptional(),
    end: endSchema.exactOptional(),
    recorded: z.boolean(),
    origin: z.strictObject({ head: z.string(), branch: z.string(), headTree: z.string(), tree: z.string() }),
    totals: z.strictObject({ steps: count, promptTokens: count, completionTokens: count }),
    summary: z.string().exactOptional(),
    patch: z.string().exactOptional(),
  }) satisfies Schema.ZodType<RunRecord>;
});

/** Lists are newest first; `before` is the id of the last run of the page before. A record that was changed by others is refused. */
export function createRunStore(store: Store): RunStore {
  return {
    save: async (run) => {
      const { id, owner, team, state } = run;
      await store.write('saveRun', { id, owner, team, state, record: JSON.stringify(run) });
    },
    get: async (id) => {
      const row = await store.read('readRun', { id });
      return row === undefined ? undefined : recordOf(row);
    },
    list: async (filter) => (await store.read('listRuns', filter)).map(recordOf),
  };
}

function recordOf({ id, record }: Pick<RunRow, 'id' | 'record'>): RunRecord {
  return parseColumn(record, recordSchema, `the record of run ${id}`);
}
