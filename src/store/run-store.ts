// Owns the port of the runs' projection. Knows no SQL.
import type { RunStore } from '../contracts/ports.ts';
import type { RunRecord } from '../contracts/runs.ts';
import type { Store } from './open.ts';

/** Rows are written by this file only, so what they hold is trusted. */
export function createRunStore(store: Store): RunStore {
  return {
    save: async (run) => {
      const { id, owner, team, state } = run;
      await store.write('saveRun', { id, owner, team, state, record: JSON.stringify(run) });
    },
    get: async (id) => {
      const text = await store.read('readRun', { id });
      return text === undefined ? undefined : recordOf(text);
    },
    list: async (filter) => (await store.read('listRuns', filter)).map(recordOf),
  };
}

function recordOf(text: string): RunRecord {
  return JSON.parse(text) as RunRecord;
}
