// Owns the start of a run at work in this process. Knows no loop.
import type { RunRecord } from '../contracts/runs.ts';
import type { LiveRun } from './ports.ts';

export function newLive(record: RunRecord): LiveRun {
  return {
    record,
    step: record.totals.steps,
    stop: new AbortController(),
    inbox: [],
    waitedMs: 0,
    waitingSince: undefined,
    checks: [],
    ended: Promise.resolve(),
  };
}
