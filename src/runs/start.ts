// Owns the beginning of an attempt: the workspace, the first words, or the way back after a crash. Knows no HTTP.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../base/hash.ts';
import { CaissonError } from '../base/errors.ts';
import { firstMessages, type Guidance } from '../agent/prompt.ts';
import { leaveUnknown, replayRun } from '../agent/replay.ts';
import { type AgentState, newState } from '../agent/state.ts';
import type { Emit } from '../contracts/ports.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { Check, RunRequest } from '../contracts/runs.ts';
import type { WorkspacePaths } from '../contracts/workspace.ts';
import { makeBox } from '../workspace/box.ts';
import { detectChecks } from '../workspace/detect-checks.ts';
import { receiveBundle, workspacePaths } from '../workspace/prepare.ts';
import { removeTree } from '../workspace/remove.ts';
import { readTreeFile, type SizedEntry, type TreeAt } from '../workspace/tree.ts';
import { runFiles } from './files.ts';
import type { RunsPorts } from './ports.ts';

const GUIDANCE_FILES = ['AGENTS.md', 'CLAUDE.md'];

export interface Beginning {
  readonly paths: WorkspacePaths;
  /** Makes the box; the first request does not wait for it. Call once. */
  readonly fill: () => Promise<void>;
  readonly checks: readonly Check[];
  readonly state: AgentState;
  readonly unread: readonly string[];
  /** Checks on the base that already ran in an earlier attempt. */
  readonly baseChecked: boolean;
}

/** `history`: events of earlier attempts, oldest first; [] for a new run. */
export async function beginAttempt(
  run: string,
  request: RunRequest,
  history: readonly RunEvent[],
  ports: RunsPorts,
  emit: Emit,
): Promise<Beginning> {
  const { paths, fill, entries } = await readyWorkspace(run, request, history, ports, emit);
  const given = { git: paths.git, tree: request.origin.tree, ...(entries === undefined ? {} : { entries }) };
  const checks = request.checks.length > 0 ? request.checks : await detectChecks(given);
  const first = firstMessages({ task: request.task, checks, guidance: await readGuidance(given, ports) });
  if (history.length === 0) return { paths, fill, checks, state: newState(first), unread: [], baseChecked: false };
  const replayed = await replayRun(history, first, (hash) => readContent(hash, ports));
  const unknownCalls = [...replayed.unknownCalls];
  await emit([{ body: { type: 'run_resumed', attempt: attemptOf(history), unknownCalls } }]);
  leaveUnknown(replayed.state, unknownCalls);
  const { state, unread } = replayed;
  return { paths, fill, checks, state, unread, baseChecked: hasBaseChecks(history, checks) };
}

async function readyWorkspace(
  run: string,
  request: RunRequest,
  history: readonly RunEvent[],
  ports: RunsPorts,
  emit: Emit,
): Promise<Pick<Beginning, 'paths' | 'fill'> & { readonly entries?: readonly SizedEntry[] }> {
  const { root, bundle } = runFiles(ports.runsRoot, run);
  const paths = workspacePaths(root);
  await removeTree(join(root, 'checks'));
  if (history.some((event) => event.body.type === 'workspace_ready')) return { paths, fill: async () => {} };
  await Promise.all([removeTree(paths.git), removeTree(paths.box)]);
  const received = await receiveBundle({ root, bundle, tree: request.origin.tree, limits: ports.limits });
  const { tree, files, entries } = received;
  const owner = ports.owner === undefined ? {} : { owner: ports.owner };
  const fill = async () => {
    await makeBox({ git: paths.git, tree, box: paths.box, ...owner });
    await emit([{ body: { type: 'workspace_ready', tree, files } }]);
    await rm(bundle, { force: true });
  };
  return { paths, fill, entries };
}

async function readGuidance(given: TreeAt, ports: RunsPorts): Promise<Guidance | undefined> {
  for (const path of GUIDANCE_FILES) {
    const file = await readTreeFile({ ...given, path, maxBytes: ports.limits.guidanceBytes });
    if (file !== undefined && file.text.trim() !== '')
      return { path, text: file.text, cutBytes: Math.max(0, file.bytes - Buffer.byteLength(file.text)) };
  }
  return undefined;
}

async function readContent(hash: string, ports: RunsPorts): Promise<string> {
  const content = await ports.journal.content(hash);
  if (content !== undefined) return content;
  if (hash === sha256('')) return '';
  throw new CaissonError('journal_broken', `the content ${hash} that the run needs to go on is gone`);
}

function attemptOf(history: readonly RunEvent[]): number {
  return history.filter((event) => event.body.type === 'run_resumed').length + 2;
}

function hasBaseChecks(history: readonly RunEvent[], checks: readonly Check[]): boolean {
  const done = new Set<string>();
  for (const { body } of history) if (body.type === 'check_finished' && body.on === 'base') done.add(body.name);
  return checks.every((check) => done.has(check.name));
}
