// Owns why a run stops early: words of a person, the wall clock, an engine that fails. Knows no loop.
import { CATALOGUE, type ErrorReport, isErrorCode } from '../base/errors.ts';
import type { ModelErrorEvent } from '../contracts/model-events.ts';
import type { RunEnd } from '../contracts/runs.ts';
import type { LiveRun, RunsPorts, StopReason } from './ports.ts';

const WALL_LOOK_MS = 1000;

/** The first reason wins. */
export function stopRun(live: LiveRun, reason: StopReason): void {
  if (!live.stop.signal.aborted) live.stop.abort(reason);
}

/** The end that the stop gives; undefined if none was asked for, or if the run shall go on at the next start. */
export function stoppedEnd(live: LiveRun): RunEnd | undefined {
  const reason = stopReason(live);
  switch (reason?.kind) {
    case 'cancelled':
      return { end: 'cancelled', by: reason.by };
    case 'limit':
      return { end: 'limit_hit', limit: reason.limit };
    case 'failed':
      return { end: 'failed', error: reason.error };
    case 'shutdown':
    case undefined:
      return undefined;
  }
  return reason satisfies never;
}

export function stopReason(live: LiveRun): StopReason | undefined {
  return live.stop.signal.aborted ? (live.stop.signal.reason as StopReason) : undefined;
}

/** Stops the run when it has worked for longer than its limit; waiting for people does not count. Returns the timer. */
export function watchWall(live: LiveRun, ports: Pick<RunsPorts, 'clock' | 'limits'>): NodeJS.Timeout {
  const started = ports.clock.monotonic();
  const look = () => {
    const waiting = live.waitingSince === undefined ? 0 : ports.clock.monotonic() - live.waitingSince;
    const worked = ports.clock.monotonic() - started - live.waitedMs - waiting;
    if (worked > ports.limits.runWallMs) stopRun(live, { kind: 'limit', limit: 'runWallMs' });
  };
  return setInterval(look, WALL_LOOK_MS).unref();
}

/** What a failed model means for the run. */
export function modelFailure(error: ModelErrorEvent): ErrorReport {
  const code = isErrorCode(error.code) ? error.code : 'backend_failed';
  return { code, message: error.message, hint: CATALOGUE[code].hint };
}
