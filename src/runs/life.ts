// Owns the life of one run from its start to its durable end. Knows no HTTP and no table.
import { reportOf } from '../base/errors.ts';
import { runAgent } from '../agent/loop.ts';
import type { AgentEnd } from '../agent/ports.ts';
import type { Emit } from '../contracts/ports.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { RunEnd, RunRequest } from '../contracts/runs.ts';
import { toolDefinitions } from '../tools/definitions.ts';
import { maskSecrets } from '../workspace/leaks/mask.ts';
import { agentPorts, type Attempt } from './attempt.ts';
import { runChecks } from './checks.ts';
import { createEmit } from './emitter.ts';
import { endRun } from './end.ts';
import { scanImport } from './leaks.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import { askToPublish } from './publish.ts';
import { createRunSandbox } from './run-sandbox.ts';
import { type Beginning, beginAttempt } from './start.ts';
import { createStepSnapshots } from './snapshots/during.ts';
import { modelFailure, stoppedEnd, watchWall } from './stops.ts';

const BOX_WAITS_MS = 100;

/** Never rejects for what the run does; rejects only when the journal is lost. */
export async function liveOut(
  live: LiveRun,
  request: RunRequest,
  history: readonly RunEvent[],
  ports: RunsPorts,
): Promise<void> {
  const emit = createEmit(live.record.id, () => live.step, ports);
  let attempt: Attempt | undefined;
  let end: RunEnd | undefined;
  try {
    const begun = await beginAttempt(live, request, history, ports, emit);
    attempt = openAttempt(live, request, begun, ports, emit);
    end = await workToTheEnd(attempt);
  } catch (error) {
    ports.logger.error('a run failed', { run: live.record.id, message: String(error) });
    end = { end: 'failed', error: reportOf(error) };
  }
  attempt?.begun.setUp?.release();
  await endRun({ live, end: stoppedEnd(live) ?? end, attempt, ports, emit });
}

function openAttempt(live: LiveRun, request: RunRequest, begun: Beginning, ports: RunsPorts, emit: Emit): Attempt {
  live.inbox.unshift(...begun.unread);
  live.step = begun.state.steps;
  const { asked, box } = boxAfterFirstRequest(begun);
  const sandbox = createRunSandbox(
    { run: live.record.id, box: begun.paths.box, purpose: 'agent', ready: box, network: begun.network },
    ports,
    emit,
  );
  const snapshots = createStepSnapshots({
    open: async () =>
      (await ports.snapshotRoom())({ paths: begun.paths, base: request.origin.tree, limits: ports.limits }),
    emit,
    logger: ports.logger,
    run: live.record.id,
    changedAt: begun.resumed ? begun.state.steps : undefined,
  });
  return {
    live,
    request,
    begun,
    box,
    asked,
    sandbox,
    snapshots,
    emit,
    ports,
    maySetUp: ports.offers({ type: 'external', tool: 'set_up' }),
    evidence: undefined,
  };
}

/** The processes that make the box would delay the first request, for which nobody needs it. */
function boxAfterFirstRequest({ fill }: Beginning): Pick<Attempt, 'asked' | 'box'> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, BOX_WAITS_MS);
  const box = promise.then(fill);
  box.catch(() => {});
  const asked = () => {
    clearTimeout(timer);
    resolve();
  };
  return { asked, box };
}

async function workToTheEnd(attempt: Attempt): Promise<RunEnd> {
  const { live, begun, ports, sandbox, box } = attempt;
  const { signal } = live.stop;
  sandbox.warm();
  const base = box.then(() => checkBase(attempt));
  base.catch(() => {});
  const isNew = begun.state.steps === 0 && !begun.resumed;
  const scanned = box.then(() => (isNew ? scanNew(attempt) : undefined)).catch(() => {});
  const wall = watchWall(live, ports);
  try {
    const options = {
      model: live.record.model,
      run: live.record.id,
      tools: toolDefinitions(begun.network !== undefined, attempt.maySetUp),
      checksDeclared: begun.checks.length > 0,
    };
    const ended = await runAgent(begun.state, options, agentPorts(attempt), signal);
    await base;
    return await settle(attempt, ended);
  } finally {
    clearInterval(wall);
    await base.catch(() => {});
    await scanned;
    await attempt.snapshots.close();
    await sandbox.close();
  }
}

/** What was brought in is looked through once, not again after a crash, and not where another run had it before. */
async function scanNew({ live, begun, request, ports, emit }: Attempt): Promise<void> {
  const of = { run: live.record.id, git: begun.paths.git, tree: request.origin.tree, signal: live.stop.signal };
  await scanImport(of, ports, emit);
}

async function checkBase({ live, begun, request, ports, emit }: Attempt): Promise<void> {
  if (begun.baseChecked) return;
  const { checks, paths } = begun;
  const job = {
    run: live.record.id,
    checks,
    on: 'base',
    git: paths.git,
    tree: request.origin.tree,
    root: paths.root,
    furnish: begun.setUp?.furnish,
  } as const;
  live.checks.push(...(await runChecks(job, ports, emit, live.stop.signal)));
}

async function settle(attempt: Attempt, ended: AgentEnd): Promise<RunEnd> {
  const { live, begun, request, ports } = attempt;
  switch (ended.end) {
    case 'done': {
      live.record = { ...live.record, summary: maskSecrets(ended.summary).text };
      const verified = begun.checks.length > 0;
      if (request.publish === undefined || attempt.evidence === undefined) return { end: 'done', verified };
      const refusal = await askToPublish(live, request.publish, attempt.evidence.patch, ports, attempt.emit);
      return refusal === undefined ? { end: 'done', verified } : { end: 'denied', rule: refusal };
    }
    case 'checks_failed':
      live.record = { ...live.record, summary: maskSecrets(ended.summary).text };
      return { end: 'checks_failed' };
    case 'limit_hit':
      return { end: 'limit_hit', limit: ended.limit };
    case 'model_failed':
      return { end: 'failed', error: modelFailure(ended.error) };
    case 'stopped':
      return stoppedEnd(live) ?? { end: 'crashed' };
  }
  return ended satisfies never;
}
