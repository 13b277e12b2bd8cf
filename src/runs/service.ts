// Owns the runs of one service: taking them in, their queue, words of people, halt. Knows no HTTP.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import { canonicalJson } from '../base/json.ts';
import type { Principal } from '../contracts/accounts.ts';
import type { EmitEvent } from '../contracts/ports.ts';
import { type RunEvent, SERVICE_CHAIN } from '../contracts/run-events.ts';
import type { RewindWish, RunService } from '../contracts/run-service.ts';
import type { RunRecord, RunRequest } from '../contracts/runs.ts';
import { maskSecrets } from '../workspace/leaks/mask.ts';
import { holdKept } from '../workspace/snapshots/collect.ts';
import { applyRun, noteApplied } from './apply.ts';
import { createEmit } from './emitter.ts';
import { runFiles, takeBundle } from './files.ts';
import { createHalt } from './halt.ts';
import { readChecks, readEvents, readPatch } from './history.ts';
import { liveOut } from './life.ts';
import { newLive } from './live.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import { createQueue, type Queue } from './queue.ts';
import { diffSteps, rewindRun } from './snapshots/rewind.ts';
import { snapshotsOf } from './snapshots/steps.ts';
import { stopRun } from './stops.ts';

export interface Runs extends RunService {
  /** Takes a run up again after a crash, with what its journal holds. */
  resume(record: RunRecord, request: RunRequest, history: readonly RunEvent[]): void;
  /** Ids of the runs at work in this process, and of those that wait to be. */
  live(): readonly string[];
  /** Resolves when the run has ended in this process. */
  ended(id: string): Promise<RunRecord>;
  /** Stops all work; the runs go on at the next start. Resolves when no process of theirs lives. */
  shutdown(): Promise<void>;
}

interface Desk {
  readonly ports: RunsPorts;
  readonly live: Map<string, LiveRun>;
  readonly queue: Queue;
}

export function createRuns(ports: RunsPorts): Runs {
  const live = new Map<string, LiveRun>();
  const desk: Desk = { ports, live, queue: createQueue(ports.limits.runsAtOnce) };
  const halt = createHalt(ports, live);
  const known = (id: string) => knownRun(desk, id);
  return {
    create: async (request, bundle, owner) => {
      halt.refuseIfHalted();
      const { record } = await openRun(request, bundle, owner, ports);
      launch(desk, record, request, []);
      return record;
    },
    resume: (record, request, history) => launch(desk, record, request, history),
    get: async (id) => live.get(id)?.record ?? (await ports.runStore.get(id)),
    list: async (filter) => (await ports.runStore.list(filter)).map((record) => live.get(record.id)?.record ?? record),
    cancel: (id, by) => cancelRun(desk, id, by),
    message: (id, text, by) => tellRun(desk, id, text, by),
    patch: async (id) => readPatch(await known(id), await readEvents(id, ports), ports),
    checks: async (id) => readChecks(await readEvents((await known(id)).id, ports), ports),
    snapshots: async (id) => snapshotsOf(await readEvents((await known(id)).id, ports)),
    diffSteps: async (id, steps) => diffSteps(await known(id), steps, ports),
    rewind: async (id, wish, by) => {
      halt.refuseIfHalted();
      return rewind(desk, await known(id), wish, by);
    },
    hold: async (id, held, by) => holdRun(desk, await known(id), held, by),
    live: () => [...live.keys()],
    apply: async (id, wish, _by) => {
      const record = await known(id);
      if (record.state !== 'ended') throw new CaissonError('run_not_ended', `run ${id} is ${record.state}`);
      halt.refuseIfHalted();
      return applyRun(record, wish, ports);
    },
    applied: async (id, result) => noteApplied(await known(id), result, ports),
    halt: halt.halt,
    release: halt.release,
    halted: halt.halted,
    ended: async (id) => {
      await live.get(id)?.ended;
      return known(id);
    },
    shutdown: async () => {
      const all = [...live.values()];
      for (const run of all) stopRun(run, { kind: 'shutdown' });
      await Promise.all(all.map((run) => run.ended));
    },
  };
}

async function knownRun({ live, ports }: Desk, id: string): Promise<RunRecord> {
  const record = live.get(id)?.record ?? (await ports.runStore.get(id));
  if (record === undefined) throw new CaissonError('not_found', `there is no run ${id}`);
  return record;
}

function launch(
  { live, queue, ports }: Desk,
  record: RunRecord,
  request: RunRequest,
  history: readonly RunEvent[],
): void {
  const run = newLive(record);
  live.set(record.id, run);
  const work = async () => {
    run.record = { ...run.record, state: 'running' };
    await ports.runStore.save(run.record);
    const error = await ports.selfTest();
    if (error !== undefined) stopRun(run, { kind: 'failed', error });
    await liveOut(run, request, history, ports);
  };
  const lose = (error: unknown) =>
    ports.logger.error('the journal failed a run', { run: record.id, message: String(error) });
  run.ended = queue
    .enter(run.stop.signal, work)
    .catch(lose)
    .finally(() => live.delete(record.id));
}

async function cancelRun(desk: Desk, id: string, by: string): Promise<RunRecord> {
  const run = desk.live.get(id);
  if (run !== undefined) {
    stopRun(run, { kind: 'cancelled', by });
    await run.ended;
  }
  return knownRun(desk, id);
}

async function tellRun(desk: Desk, id: string, text: string, by: string): Promise<void> {
  const run = desk.live.get(id);
  if (run === undefined) {
    const { state } = await knownRun(desk, id);
    throw new CaissonError('conflict', `run ${id} is ${state} and reads no messages`);
  }
  const emit = createEmit(id, () => run.step, desk.ports);
  await emit([{ body: { type: 'message_received', by, textHash: sha256(text) }, contents: [text] }]);
  run.inbox.push(text);
}

async function rewind(desk: Desk, old: RunRecord, wish: RewindWish, by: Principal): Promise<RunRecord> {
  const { ports } = desk;
  const bundle = join(ports.keptRoot, `${newId('bundle', ports.clock.now())}.tmp`);
  try {
    const { request, events } = await rewindRun(old, wish, by.name, bundle, ports);
    const { record, first } = await openRun(request, bundle, by, ports, events);
    launch(desk, record, request, first);
    return record;
  } finally {
    await rm(bundle, { force: true });
  }
}

async function holdRun({ ports }: Desk, record: RunRecord, held: boolean, by: string): Promise<void> {
  await holdKept(ports.keptRoot, record.id, held);
  const emit = createEmit(record.id, () => record.totals.steps, ports);
  await emit([{ body: { type: 'run_held', held, by } }]);
  if (record.state === 'ended') await ports.journal.sealRun(record.id);
}

/** `more`: what the run begins with behind its start. */
async function openRun(
  request: RunRequest,
  bundle: string,
  owner: Principal,
  ports: RunsPorts,
  more: readonly EmitEvent[] = [],
): Promise<{ readonly record: RunRecord; readonly first: readonly RunEvent[] }> {
  const id = newId('run', ports.clock.now());
  const files = runFiles(ports.runsRoot, id);
  await takeBundle(files, bundle);
  try {
    const record = await newRecord(id, request, owner, ports);
    await ports.runStore.save(record);
    return { record, first: await appendStart(record, request, ports, more) };
  } catch (error) {
    await rm(files.root, { recursive: true, force: true });
    throw error;
  }
}

async function newRecord(id: string, request: RunRequest, owner: Principal, ports: RunsPorts): Promise<RunRecord> {
  const { task, origin } = request;
  const { model, recorded } = await ports.findModel(request.model);
  return {
    id,
    // The agent has the task as it was written; what lists and questions show has no secret in it.
    task: maskSecrets(task).text,
    model,
    owner: owner.id,
    team: owner.team,
    state: 'queued',
    startedAt: ports.clock.now(),
    recorded,
    origin,
    totals: { steps: 0, promptTokens: 0, completionTokens: 0 },
  };
}

/** The events of the run's own chain. */
async function appendStart(
  record: RunRecord,
  request: RunRequest,
  ports: RunsPorts,
  more: readonly EmitEvent[],
): Promise<readonly RunEvent[]> {
  const { id: run, owner, team, model, recorded, origin } = record;
  const text = canonicalJson(request);
  ports.faults('before:append:run_opened+run_started');
  const appended = await ports.journal.append([
    { chain: SERVICE_CHAIN, body: { type: 'run_opened', run, owner } },
    {
      chain: run,
      body: {
        type: 'run_started',
        taskHash: sha256(request.task),
        requestHash: sha256(text),
        model,
        owner,
        team,
        host: ports.host,
        recorded,
        origin: { ...origin },
        policyHash: ports.policyHash(),
      },
      contents: [request.task, text],
    },
    ...more.map(({ body, contents = [] }) => ({ chain: run, body, contents })),
  ]);
  ports.faults('after:append:run_opened+run_started');
  return appended.filter((event) => event.chain === run);
}
