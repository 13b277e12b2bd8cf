// Owns one attempt at a run: what the loop gets as its ports. Knows no end.
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '../base/ids.ts';
import type { AgentPorts } from '../agent/ports.ts';
import type { Emit, RunTool } from '../contracts/ports.ts';
import type { RunRequest } from '../contracts/runs.ts';
import type { RunToolPorts } from '../tools/run-tool.ts';
import { type Evidence, gatherEvidence } from './evidence.ts';
import type { LiveRun, RunsPorts } from './ports.ts';
import type { RunSandbox } from './run-sandbox.ts';
import type { StepSnapshots } from './snapshots/during.ts';
import type { Beginning } from './start.ts';
import { stopRun } from './stops.ts';
import { patiently } from './waiting.ts';

export interface Attempt {
  readonly live: LiveRun;
  readonly request: RunRequest;
  readonly begun: Beginning;
  readonly sandbox: RunSandbox;
  /** Resolves when the box is there. */
  readonly box: Promise<void>;
  /** The first request is on its way: the box may be made. */
  readonly asked: () => void;
  readonly snapshots: StepSnapshots;
  readonly emit: Emit;
  readonly ports: RunsPorts;
  /** The policy does not refuse another set-up. */
  readonly maySetUp: boolean;
  /** Of the last claim that was checked. */
  evidence: Evidence | undefined;
}

/** The ports of the loop, bound to this run. */
export function agentPorts(attempt: Attempt): AgentPorts {
  const { live, begun, ports, sandbox, snapshots, emit } = attempt;
  const started = ports.clock.monotonic();
  const stream = ports.streamFor(live.record);
  const openTools = async () =>
    (await ports.toolRoom())({
      run: live.record.id,
      decide: ports.decide,
      approvals: patiently(ports.approvals, live, ports),
      exec: execOf(attempt),
      emit,
      ...permitOf(attempt),
      ...(attempt.maySetUp ? { setUp: setUpOf(attempt) } : {}),
      workPath: ports.workPath,
      policyHash: ports.policyHash(),
      limits: ports.limits,
      clock: ports.clock,
      faults: ports.faults,
      newId: (prefix: string) => newId(prefix, ports.clock.now()),
    });
  let opened: Promise<RunTool> | undefined;
  const tools = () => (opened ??= openTools());
  return {
    streamModel: (request, signal) => {
      const events = stream(request, signal);
      const step = begun.state.steps;
      setImmediate(() => {
        attempt.asked();
        snapshots.begin(step);
        // Loaded while the model thinks; one that fails is told by the call that needs it.
        tools().catch(() => {});
      });
      return events;
    },
    runTool: async (call, step, signal) => {
      live.step = step;
      snapshots.calling(call.name, step);
      return (await tools())(call, step, signal);
    },
    verifyClaim: async (_claim, _step, signal) => {
      const { checks, paths } = begun;
      const furnish = begun.setUp?.furnish;
      const job = { run: live.record.id, paths, baseTree: attempt.request.origin.tree, checks, furnish };
      attempt.evidence = await gatherEvidence(job, sandbox, ports, emit, signal);
      return attempt.evidence;
    },
    emit: (events) => {
      live.step = begun.state.steps;
      return emit(events);
    },
    progress: (note) => ports.progress(live.record.id, note),
    clock: ports.clock,
    limits: ports.limits,
    takeMessages: () => live.inbox.splice(0),
    activeMs: () => ports.clock.monotonic() - started - live.waitedMs,
    sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => {}),
  };
}

/** Without a sandbox there is no run. */
function execOf({ live, sandbox }: Attempt): RunToolPorts['exec'] {
  return async (request) => {
    const result = await sandbox.exec(request, live.stop.signal);
    if (!result.ok) stopRun(live, { kind: 'failed', error: result.error });
    return result;
  };
}

/** The sandbox closes first: in a box that something lives in, nothing is put. */
function setUpOf({ live, request, begun, sandbox, ports, emit }: Attempt): NonNullable<RunToolPorts['setUp']> {
  return async (command) => {
    const [room] = await Promise.all([ports.setupRoom(), sandbox.close()]);
    const { signal } = live.stop;
    const job = { run: live.record, request, paths: begun.paths, before: begun.setUp, signal };
    const done = await room.again(command, job, ports, emit);
    if (!done.ok) return { ok: false, text: done.why };
    begun.setUp = done.setUp;
    return { ok: true, text: done.setUp.note };
  };
}

function permitOf({ begun, sandbox }: Attempt): Pick<RunToolPorts, 'permit'> {
  return begun.network === undefined ? {} : { permit: (grant) => sandbox.permit(grant) };
}
