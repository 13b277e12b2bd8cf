// Runs that do nothing by themselves: their records lie in the real store, their events in the real journal, their words are noted.
import { rm } from 'node:fs/promises';
import { CaissonError } from '../../src/base/errors.ts';
import { sha256 } from '../../src/base/hash.ts';
import { newId } from '../../src/base/ids.ts';
import type { Principal } from '../../src/contracts/accounts.ts';
import type { Journal } from '../../src/contracts/journal.ts';
import type { EventBody } from '../../src/contracts/run-events.ts';
import type { ApplyAnswer, RunService } from '../../src/contracts/run-service.ts';
import type { RunRecord, RunRequest } from '../../src/contracts/runs.ts';
import type { Patch } from '../../src/contracts/workspace.ts';
import type { Store } from '../../src/store/open.ts';
import { createRunStore } from '../../src/store/run-store.ts';

export interface StandInRuns extends RunService {
  /** Every word that came, in order. */
  readonly words: unknown[][];
  patchText: string | undefined;
  answer: ApplyAnswer;
  /** A run that belongs to that person. */
  add(owner: Principal): Promise<RunRecord>;
  /** Appends events to a run; texts become contents. */
  append(run: string, ...texts: readonly string[]): Promise<void>;
  end(run: string): Promise<void>;
}

export const REQUEST = {
  task: 'mend it',
  model: 'm',
  origin: { head: 'h', branch: 'main', headTree: 't', tree: 't' },
} as const;

export function createStandInRuns({
  store,
  journal,
}: {
  readonly store: Store;
  readonly journal: Journal;
}): StandInRuns {
  const records = createRunStore(store);
  const words: unknown[][] = [];
  let halted = false;
  const known = async (id: string) => (await records.get(id)) ?? missing(id);
  const create = async (request: RunRequest, owner: Principal) => {
    const record = newRecord(request, owner);
    await records.save(record);
    return record;
  };
  const event = (run: string, body: EventBody, contents: readonly string[] = []) =>
    journal.append([{ chain: run, body, contents }]);
  const runs: StandInRuns = {
    words,
    patchText: undefined,
    answer: { state: 'denied', decision: DENIED, note: 'no' },
    add: (owner) => create({ ...REQUEST, checks: [] }, owner),
    append: async (run, ...texts) => {
      for (const text of texts)
        await event(run, { type: 'message_received', by: 'test', textHash: sha256(text) }, [text]);
    },
    end: async (run) => {
      await records.save({ ...(await known(run)), state: 'ended', endedAt: 2, end: { end: 'done', verified: true } });
      const totals = { steps: 1, promptTokens: 3, completionTokens: 4 };
      await event(run, { type: 'run_ended', end: 'done', detail: '', endHash: sha256('end'), ...totals }, ['end']);
    },
    create: async (request, bundle, owner) => {
      words.push(['create', request, bundle, owner.name]);
      await rm(bundle);
      return create(request, owner);
    },
    get: (id) => records.get(id),
    list: (filter) => records.list(filter),
    cancel: async (id, by) => {
      words.push(['cancel', id, by]);
      return known(id);
    },
    message: async (id, text, by) => void words.push(['message', id, text, by]),
    patch: async () => (runs.patchText === undefined ? undefined : patchOf(runs.patchText)),
    checks: async () => [
      { name: 'test', command: 'npm test', on: 'patch', status: 'passed', exitCode: 0, ms: 5, output: 'ok' },
    ],
    snapshots: async () => [{ step: 1, tree: 't', changed: 2 }],
    diffSteps: async (id, steps) => {
      words.push(['diffSteps', id, steps]);
      return 'diff --git a/step b/step\n';
    },
    rewind: async (id, wish, by) => {
      words.push(['rewind', id, wish, by.name]);
      return create({ ...REQUEST, checks: [] }, by);
    },
    hold: async (id, held, by) => void words.push(['hold', id, held, by]),
    apply: async (id, wish, by) => {
      words.push(['apply', id, wish, by.name]);
      return runs.answer;
    },
    applied: async (id, result) => void words.push(['applied', id, result]),
    halt: async (by, note) => {
      words.push(['halt', by, note]);
      halted = true;
      return { cancelled: 2, revoked: 1 };
    },
    release: async (by) => {
      words.push(['release', by]);
      halted = false;
    },
    halted: () => halted,
  };
  return runs;
}

export const DENIED = {
  verdict: 'deny',
  rule: 'r',
  reason: 'because',
  advice: 'do not',
  policy: 'sha256:policy',
  lost: [],
} as const;

function newRecord({ task, model, origin }: RunRequest, owner: Principal): RunRecord {
  return {
    id: newId('run', Date.now()),
    task,
    model,
    owner: owner.id,
    team: owner.team,
    state: 'running',
    startedAt: 1,
    recorded: false,
    origin,
    totals: { steps: 0, promptTokens: 0, completionTokens: 0 },
  };
}

export function patchOf(text: string): Patch {
  return { text, hash: sha256(text), baseTree: 'b', resultTree: 'r', files: [], sensitivePaths: [], secrets: [] };
}

function missing(id: string): never {
  throw new CaissonError('not_found', `there is no run ${id}`);
}
