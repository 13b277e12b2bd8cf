// Owns the end of a run: the last patch, the durable verdict, the seal, the snapshots that stay. Knows no loop.
import { canonicalJson } from '../base/json.ts';
import { sha256 } from '../base/hash.ts';
import type { Emit } from '../contracts/ports.ts';
import type { RunEnd } from '../contracts/runs.ts';
import type { WorkspacePaths } from '../contracts/workspace.ts';
import { removeTree } from '../workspace/remove.ts';
import type { Attempt } from './attempt.ts';
import { takePatch } from './evidence.ts';
import { keepFiles, runFiles } from './files.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import { stopReason } from './stops.ts';

export interface Ending {
  readonly live: LiveRun;
  readonly end: RunEnd;
  /** Undefined if this process never got as far as a workspace. */
  readonly attempt: Attempt | undefined;
  /** Files of an earlier process whose changes shall be kept. */
  readonly left?: { readonly paths: WorkspacePaths; readonly baseTree: string };
  readonly ports: RunsPorts;
  readonly emit: Emit;
}

/** A run that a shutdown stopped is left as it is: the next start takes it up again. */
export async function endRun(ending: Ending): Promise<void> {
  const { live, ports } = ending;
  if (stopReason(live)?.kind === 'shutdown') return;
  const kept = await keepPatch(ending);
  if (ending.end.end !== 'done') await ports.approvals.revokeAll({ run: live.record.id, by: 'the end of the run' });
  await writeEnd(ending, kept);
  await keepFiles(live.record.id, ports);
  await removeTree(runFiles(ports.runsRoot, live.record.id).root);
}

/** What the agent changed is kept whatever the end: work is never lost, only not called verified. */
async function keepPatch({ live, attempt, left, ports, emit }: Ending): Promise<string | undefined> {
  if (attempt?.evidence?.passed === true) return attempt.evidence.patch.hash;
  const files = attempt === undefined ? left : { paths: attempt.begun.paths, baseTree: attempt.request.origin.tree };
  if (files === undefined) return undefined;
  try {
    return (await takePatch(files, ports, emit)).hash;
  } catch (error) {
    ports.logger.warn('no patch could be made', { run: live.record.id, message: String(error) });
    return undefined;
  }
}

async function writeEnd({ live, end, attempt, ports, emit }: Ending, patch: string | undefined): Promise<void> {
  const totals = totalsOf(attempt, live);
  const { summary } = live.record;
  const detail = canonicalJson({ end, patch, summary });
  await emit([
    {
      body: { type: 'run_ended', end: end.end, detail: detailOf(end), endHash: sha256(detail), ...totals },
      contents: [detail],
    },
  ]);
  const patched = patch === undefined ? {} : { patch };
  live.record = { ...live.record, ...patched, state: 'ended', end, endedAt: ports.clock.now(), totals };
  // The row comes last: a run whose row says so has ended, and its chain is sealed.
  ports.faults('before:seal');
  await ports.journal.sealRun(live.record.id);
  ports.faults('after:seal');
  await ports.runStore.save(live.record);
}

function totalsOf(attempt: Attempt | undefined, live: LiveRun) {
  if (attempt === undefined) return live.record.totals;
  const { steps, promptTokens, completionTokens } = attempt.begun.state;
  return { steps, promptTokens, completionTokens };
}

/** One line for people. */
export function detailOf(end: RunEnd): string {
  switch (end.end) {
    case 'done':
      return end.verified ? 'the declared checks passed on a fresh checkout' : 'no checks were declared: unverified';
    case 'checks_failed':
      return 'the declared checks failed on a fresh checkout';
    case 'limit_hit':
      return `the limit ${end.limit} was reached`;
    case 'denied':
      return `refused by ${end.rule}`;
    case 'cancelled':
      return `cancelled by ${end.by}`;
    case 'crashed':
      return 'the service stopped during the run, and the run was not taken up again';
    case 'failed':
      return `${end.error.code}: ${end.error.message}`;
  }
  return end satisfies never;
}
