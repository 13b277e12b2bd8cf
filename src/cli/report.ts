// Owns the words at the end of a run: verdict, checks, what to do next. Knows no transport.
import type { CheckOutcome, RunEnd, RunRecord } from '../contracts/runs.ts';
import { seconds } from './lines.ts';

/** True if the exit code shall be 0: the declared checks passed on a fresh checkout. */
export function isGreen(run: RunRecord): boolean {
  return run.end?.end === 'done' && run.end.verified;
}

/** One line: how the run ended. A recorded one says so. */
export function endLine(run: RunRecord): string {
  const recorded = run.recorded ? ' (recorded: the model replies came from a script)' : '';
  return `${run.id} ${run.end === undefined ? run.state : endText(run.end)}${recorded}`;
}

function endText(end: RunEnd): string {
  switch (end.end) {
    case 'done':
      return end.verified
        ? 'done: the declared checks passed on a fresh checkout'
        : 'done, unverified: no checks are declared';
    case 'checks_failed':
      return 'failed: the declared checks are red on a fresh checkout';
    case 'limit_hit':
      return `stopped: the limit ${end.limit} was reached`;
    case 'denied':
      return `denied: ${end.rule}`;
    case 'cancelled':
      return `cancelled by ${end.by}`;
    case 'crashed':
      return 'crashed: the process that worked on it ended';
    case 'failed':
      return `failed: ${end.error.message}\n  → ${end.error.hint}`;
  }
  return end satisfies never;
}

/** A line per check: before and after the work. */
export function checkLines(checks: readonly CheckOutcome[]): readonly string[] {
  const names = [...new Set(checks.map((check) => check.name))];
  return names.map((name) => {
    const of = (on: CheckOutcome['on']) => checks.findLast((check) => check.name === name && check.on === on);
    return `  ${name}: ${statusOf(of('base'))} before → ${statusOf(of('patch'))} after`;
  });
}

function statusOf(check: CheckOutcome | undefined): string {
  if (check === undefined) return 'not run';
  const status = check.exitCode === undefined ? check.status : `${check.status} (exit status ${check.exitCode})`;
  return `${status} in ${seconds(check.ms)}`;
}

/** Commands that look further. */
export function nextLines(run: RunRecord): readonly string[] {
  const look = [`  caisson show ${run.id}`, '  caisson journal verify'];
  if (run.patch === undefined) return look;
  return [`  caisson diff ${run.id}`, ...(run.end?.end === 'done' ? [`  caisson apply ${run.id}`] : []), ...look];
}
