// Owns the beginning of an attempt: the workspace, the first words, or the way back after a crash. Knows no HTTP.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { firstMessages, type Guidance } from '../agent/prompt.ts';
import { leaveUnknown, replayRun } from '../agent/replay.ts';
import { type AgentState, newState } from '../agent/state.ts';
import type { Emit } from '../contracts/ports.ts';
import type { EventOf, RunEvent } from '../contracts/run-events.ts';
import type { Check, RunRequest } from '../contracts/runs.ts';
import type { WorkspacePaths } from '../contracts/workspace.ts';
import { makeBox } from '../workspace/box.ts';
import { detectChecks } from '../workspace/detect-checks.ts';
import { receiveBundle, workspacePaths } from '../workspace/prepare.ts';
import { removeTree } from '../workspace/remove.ts';
import { hasLockFile } from '../workspace/setup/detect.ts';
import { listTree, readTreeFile, type SizedEntry, type TreeAt } from '../workspace/tree.ts';
import { runFiles } from './files.ts';
import { readContent } from './history.ts';
import { openRunNetwork, type RunNetwork } from './network.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import type { SetUp, SetupJob } from './setup/port.ts';

const BEGINNING: readonly string[] = ['run_started', 'run_rewound', 'message_received'];
const GUIDANCE_FILES = ['AGENTS.md', 'CLAUDE.md'];

export interface Beginning {
  readonly paths: WorkspacePaths;
  /** Makes the box; the first request does not wait for it. Call once. */
  readonly fill: () => Promise<void>;
  /** What was made ready before anybody came; it is held until it is released. */
  setUp: SetUp | undefined;
  /** Undefined: the sandbox of the agent has none. */
  readonly network: RunNetwork | undefined;
  readonly checks: readonly Check[];
  readonly state: AgentState;
  readonly unread: readonly string[];
  /** An earlier process may have changed files after the last snapshot. */
  readonly resumed: boolean;
  /** Checks on the base that already ran in an earlier attempt. */
  readonly baseChecked: boolean;
}

/** `history`: events of earlier attempts, oldest first; [] for a new run, the first events for one that was rewound. */
export async function beginAttempt(
  live: Pick<LiveRun, 'record' | 'stop'>,
  request: RunRequest,
  history: readonly RunEvent[],
  ports: RunsPorts,
  emit: Emit,
): Promise<Beginning> {
  const { record } = live;
  const { paths, fillWith, entries } = await readyWorkspace(record.id, request, history, ports, emit);
  const { tree } = request.origin;
  const given = { git: paths.git, tree, entries: entries ?? (await listTree(paths.git, tree)) };
  const setUp = await setUpFirst(
    { run: record, request, root: paths.root, of: given, signal: live.stop.signal },
    ports,
    emit,
  );
  const fill = () => fillWith(setUp?.furnish);
  const checks = request.checks.length > 0 ? request.checks : await detectChecks(given);
  const guidance = await readGuidance(given, ports);
  const network = await openRunNetwork(record, history, ports);
  const first = firstMessages({
    task: request.task,
    checks,
    guidance,
    setUp: setUp?.note,
    network: network !== undefined,
  });
  if (history.length === 0)
    return {
      paths,
      fill,
      setUp,
      network,
      checks,
      state: newState(first),
      unread: [],
      resumed: false,
      baseChecked: false,
    };
  const replayed = await replayRun(history, first, (hash) => readContent(hash, ports));
  if (!hasJustBegun(history)) {
    const unknownCalls = [...replayed.unknownCalls];
    await emit([{ body: { type: 'run_resumed', attempt: attemptOf(history), unknownCalls } }]);
    leaveUnknown(replayed.state, unknownCalls);
  }
  const { state, unread } = replayed;
  const resumed = !hasJustBegun(history);
  return { paths, fill, setUp, network, checks, state, unread, resumed, baseChecked: hasBaseChecks(history, checks) };
}

interface Ready {
  readonly paths: WorkspacePaths;
  readonly fillWith: (furnish: SetUp['furnish']) => Promise<void>;
  /** Absent where an earlier attempt has made the box. */
  readonly entries?: readonly SizedEntry[];
}

async function readyWorkspace(
  run: string,
  request: RunRequest,
  history: readonly RunEvent[],
  ports: RunsPorts,
  emit: Emit,
): Promise<Ready> {
  const { root, bundle } = runFiles(ports.runsRoot, run);
  const paths = workspacePaths(root);
  await removeTree(join(root, 'checks'));
  if (history.some((event) => event.body.type === 'workspace_ready')) return { paths, fillWith: async () => {} };
  await Promise.all([removeTree(paths.git), removeTree(paths.box)]);
  const received = await receiveBundle({ root, bundle, tree: request.origin.tree, limits: ports.limits });
  const { files, entries } = received;
  const tree = rewoundOf(history)?.tree ?? received.tree;
  const owner = ports.owner === undefined ? {} : { owner: ports.owner };
  const fillWith: Ready['fillWith'] = async (furnish) => {
    await makeBox({ git: paths.git, tree, box: paths.box, ...owner, furnish });
    await emit([{ body: { type: 'workspace_ready', tree, files } }]);
    await rm(bundle, { force: true });
  };
  return { paths, fillWith, entries };
}

/** Most runs have nothing to set up, and load nothing for it. */
async function setUpFirst(job: SetupJob, ports: RunsPorts, emit: Emit): Promise<SetUp | undefined> {
  const { setup } = job.request;
  if (setup === undefined ? !hasLockFile(job.of.entries) : setup.run.length === 0) return undefined;
  const room = await ports.setupRoom();
  return room.setUp(job, ports, emit);
}

async function readGuidance(given: TreeAt, ports: RunsPorts): Promise<Guidance | undefined> {
  for (const path of GUIDANCE_FILES) {
    const file = await readTreeFile({ ...given, path, maxBytes: ports.limits.guidanceBytes });
    if (file !== undefined && file.text.trim() !== '')
      return { path, text: file.text, cutBytes: Math.max(0, file.bytes - Buffer.byteLength(file.text)) };
  }
  return undefined;
}

/** A run that goes on where another one was has a past, but none of its own. */
function hasJustBegun(history: readonly RunEvent[]): boolean {
  return rewoundOf(history) !== undefined && history.every(({ body }) => BEGINNING.includes(body.type));
}

function rewoundOf(history: readonly RunEvent[]): EventOf<'run_rewound'> | undefined {
  const found = history.find(({ body }) => body.type === 'run_rewound')?.body;
  return found?.type === 'run_rewound' ? found : undefined;
}

function attemptOf(history: readonly RunEvent[]): number {
  return history.filter((event) => event.body.type === 'run_resumed').length + 2;
}

function hasBaseChecks(history: readonly RunEvent[], checks: readonly Check[]): boolean {
  const done = new Set<string>();
  for (const { body } of history) if (body.type === 'check_finished' && body.on === 'base') done.add(body.name);
  return checks.every((check) => done.has(check.name));
}
