// Owns the first minutes after a start: what an ended service left behind is found, ended or taken up again. Knows no HTTP.
import { sha256 } from '../base/hash.ts';
import { type RunEvent, SERVICE_CHAIN } from '../contracts/run-events.ts';
import type { RunEnd, RunRecord, RunTotals } from '../contracts/runs.ts';
import { workspacePaths } from '../workspace/prepare.ts';
import { createEmit } from './emitter.ts';
import { endRun } from './end.ts';
import { keepFiles, removeStrays, runFiles } from './files.ts';
import { readEvents, readRequest } from './history.ts';
import { newLive } from './live.ts';
import type { RunsPorts } from './ports.ts';
import type { Runs } from './service.ts';

const PAGE = 200;

export interface Recovery {
  readonly resumed: readonly string[];
  readonly ended: readonly string[];
  readonly killed: readonly number[];
  readonly survivors: readonly number[];
}

/**
 * Call once, before anything is opened. `resume`: unfinished runs go on; otherwise they end as crashed.
 * No process, box or directory of an earlier service is left when it resolves.
 */
export async function recover(runs: Runs, ports: RunsPorts, mode: 'resume' | 'end'): Promise<Recovery> {
  const swept = await ports.executor.sweep();
  const open = await unfinished(ports);
  const resumed: string[] = [];
  const ended: string[] = [];
  for (const record of open) {
    const events = await readEvents(record.id, ports);
    const request = await readRequest(events, ports);
    if (mode === 'resume' && request !== undefined && !hasEnded(events)) {
      runs.resume(record, request, events);
      resumed.push(record.id);
    } else {
      await endLost(record, events, ports);
      ended.push(record.id);
    }
  }
  const boxes = await removeStrays(ports.runsRoot, new Set(resumed));
  const { killed, survivors } = swept;
  if (killed.length + survivors.length + boxes > 0)
    await ports.journal.append([
      {
        chain: SERVICE_CHAIN,
        body: { type: 'leftovers_swept', killed: [...killed], survivors: [...survivors], boxes },
      },
    ]);
  return { resumed, ended, killed, survivors };
}

async function unfinished(ports: RunsPorts): Promise<readonly RunRecord[]> {
  const states = ['queued', 'running', 'waiting'] as const;
  const all = await Promise.all(states.map((state) => listAll(state, ports)));
  return all.flat().sort((left, right) => (left.id < right.id ? -1 : 1));
}

async function listAll(state: RunRecord['state'], ports: RunsPorts): Promise<readonly RunRecord[]> {
  const found: RunRecord[] = [];
  for (;;) {
    const before = found.at(-1)?.id;
    const page = await ports.runStore.list({ state, limit: PAGE, ...(before === undefined ? {} : { before }) });
    found.push(...page);
    if (page.length < PAGE) return found;
  }
}

function hasEnded(events: readonly RunEvent[]): boolean {
  return events.some((event) => event.body.type === 'run_ended');
}

/** The record from the journal where the end is there and only the row is late; else the run ends now as crashed. */
async function endLost(record: RunRecord, events: readonly RunEvent[], ports: RunsPorts): Promise<void> {
  const last = events.find((event) => event.body.type === 'run_ended');
  if (last?.body.type === 'run_ended') {
    await saveLateEnd(record, last, last.body.endHash, ports);
    return keepFiles(record.id, ports);
  }
  if (events.length === 0) {
    await ports.runStore.save({ ...record, state: 'ended', end: { end: 'crashed' }, endedAt: ports.clock.now() });
    return;
  }
  const totals = totalsOf(events);
  const emit = createEmit(record.id, () => totals.steps, ports);
  const lost = {
    live: newLive({ ...record, totals }),
    end: { end: 'crashed' },
    attempt: undefined,
    ports,
    emit,
  } as const;
  const ready = events.some((event) => event.body.type === 'workspace_ready');
  const paths = workspacePaths(runFiles(ports.runsRoot, record.id).root);
  await endRun(ready ? { ...lost, left: { paths, baseTree: record.origin.tree } } : lost);
}

function totalsOf(events: readonly RunEvent[]): RunTotals {
  const totals = { steps: 0, promptTokens: 0, completionTokens: 0 };
  for (const { body } of events) {
    if (body.type !== 'model_answered') continue;
    totals.steps += 1;
    totals.promptTokens += body.usage?.promptTokens ?? 0;
    totals.completionTokens += body.usage?.completionTokens ?? 0;
  }
  return totals;
}

async function saveLateEnd(record: RunRecord, event: RunEvent, endHash: string, ports: RunsPorts): Promise<void> {
  const text = (await ports.journal.content(endHash)) ?? '{}';
  const { end, patch, summary } = JSON.parse(sha256(text) === endHash ? text : '{}') as {
    end?: RunEnd;
    patch?: string;
    summary?: string;
  };
  const { body } = event;
  const totals = body.type === 'run_ended' ? body : record.totals;
  const { steps, promptTokens, completionTokens } = totals;
  await ports.journal.sealRun(record.id);
  await ports.runStore.save({
    ...record,
    state: 'ended',
    end: end ?? { end: 'crashed' },
    endedAt: event.time,
    totals: { steps, promptTokens, completionTokens },
    ...(patch === undefined ? {} : { patch }),
    ...(summary === undefined ? {} : { summary }),
  });
}
