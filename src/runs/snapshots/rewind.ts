// Owns the way back: a new run that goes on where another one was after a step. The old run and its chain stay as they are: what was
// judged of them still holds, and a chain that was sealed grows by nothing that did not happen to it.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../base/hash.ts';
import { CaissonError } from '../../base/errors.ts';
import { canonicalJson } from '../../base/json.ts';
import { leaveUnknown, replayRun } from '../../agent/replay.ts';
import type { AgentState } from '../../agent/state.ts';
import type { EmitEvent } from '../../contracts/ports.ts';
import type { RunEvent } from '../../contracts/run-events.ts';
import type { RewindWish } from '../../contracts/run-service.ts';
import type { RunRecord, RunRequest } from '../../contracts/runs.ts';
import { diffTrees } from '../../workspace/patch.ts';
import { workspacePaths } from '../../workspace/prepare.ts';
import { touchKept } from '../../workspace/snapshots/collect.ts';
import { bundleSnapshot } from '../../workspace/snapshots/kept.ts';
import { keptFiles, runFiles } from '../files.ts';
import { readContent, readEvents, readRequest } from '../history.ts';
import type { RunsPorts } from '../ports.ts';
import { treeAtStep } from './steps.ts';

export interface Rewound {
  readonly request: RunRequest;
  /** What the new run begins with, behind `run_started`. */
  readonly events: readonly EmitEvent[];
}

/** Writes the files to `bundle`. Throws `not_found` for a step, `snapshot_missing`, `journal_broken` if a content was pruned. */
export async function rewindRun(
  record: RunRecord,
  wish: RewindWish,
  by: string,
  bundle: string,
  ports: RunsPorts,
): Promise<Rewound> {
  const events = await readEvents(record.id, ports);
  const request = await readRequest(events, ports);
  if (request === undefined) throw new CaissonError('journal_broken', `the request of run ${record.id} is gone`);
  if (wish.step < 1)
    throw new CaissonError('invalid_input', 'step: a run can go back to step 1 or a later one', {
      hint: 'To begin from nothing, start a new run.',
    });
  const base = record.origin.tree;
  const tree = treeAtStep(events, wish.step, base);
  const text = canonicalJson({ ...(await stateAt(events, wish, ports)) });
  await bundleSnapshot({ git: await gitOf(record.id, ports), base, tree, bundle });
  const { step, message } = wish;
  const body = { type: 'run_rewound', from: record.id, step, tree, stateHash: sha256(text) } as const;
  const said =
    message === undefined
      ? []
      : [{ body: { type: 'message_received', by, textHash: sha256(message) } as const, contents: [message] }];
  return { request, events: [{ body, contents: [text] }, ...said] };
}

/** What the files were after one step against another, as a patch. Throws as above, and `patch_refused` over the limit. */
export async function diffSteps(
  record: RunRecord,
  { from, to }: { readonly from: number; readonly to: number | undefined },
  ports: RunsPorts,
): Promise<string> {
  const events = await readEvents(record.id, ports);
  const base = record.origin.tree;
  const [before, after] = [treeAtStep(events, from, base), treeAtStep(events, to ?? latestStep(events), base)];
  return diffTrees({ git: await gitOf(record.id, ports), base: before, result: after, limits: ports.limits });
}

/** Of a run at work, or what was kept of one that has ended. */
async function gitOf(run: string, { runsRoot, keptRoot, clock }: RunsPorts): Promise<string> {
  for (const path of [keptFiles(keptRoot, run), workspacePaths(runFiles(runsRoot, run).root).git])
    if (await stat(join(path, 'objects')).catch(() => undefined)) {
      await touchKept(path, clock.now());
      return path;
    }
  throw new CaissonError('snapshot_missing', `the files of run ${run} are not kept any more`, {
    hint: 'They are collected by age and when the disk fills up: workspace.keep_days, workspace.disk_percent, caisson hold.',
  });
}

/** The conversation to the end of the step. Tokens are counted anew, and the first request is written down whole. */
async function stateAt(events: readonly RunEvent[], wish: RewindWish, ports: RunsPorts): Promise<AgentState> {
  const next = events.findIndex(({ body }) => body.type === 'model_requested' && body.step > wish.step);
  const past = next === -1 ? events : events.slice(0, next);
  const { state, unknownCalls } = await replayRun(past, [], (hash) => readContent(hash, ports));
  leaveUnknown(state, [...unknownCalls, ...state.pendingCalls.map(({ id }) => id)]);
  const anew = { promptTokens: 0, completionTokens: 0, formatErrors: 0, lastRequest: '', sent: 0 };
  return { ...state, ...anew, claim: wish.message === undefined ? state.claim : undefined };
}

function latestStep(events: readonly RunEvent[]): number {
  return Math.max(0, ...events.map(({ step }) => step));
}
