// Owns the time a run spends waiting for people: shown as its state, left out of its wall clock. Knows no question.
import type { Approvals } from '../contracts/ports.ts';
import type { RunRecord } from '../contracts/runs.ts';
import type { LiveRun, RunsPorts } from './ports.ts';

/** The same approvals; while one waits, the run says so. */
export function patiently(
  approvals: Approvals,
  live: LiveRun,
  ports: Pick<RunsPorts, 'clock' | 'runStore'>,
): Approvals {
  const show = async (state: RunRecord['state']) => {
    live.record = { ...live.record, state };
    await ports.runStore.save(live.record);
  };
  return {
    open: (question) => approvals.open(question),
    use: (grant, now) => approvals.use(grant, now),
    answer: (id, answer) => approvals.answer(id, answer),
    list: (filter) => approvals.list(filter),
    get: (id) => approvals.get(id),
    revokeAll: (filter) => approvals.revokeAll(filter),
    wait: async (id, signal) => {
      const since = ports.clock.monotonic();
      live.waitingSince = since;
      await show('waiting');
      try {
        return await approvals.wait(id, signal);
      } finally {
        live.waitingSince = undefined;
        live.waitedMs += ports.clock.monotonic() - since;
        await show('running');
      }
    },
  };
}
