// Owns the way of one tool call: validate, decide, ask, execute, record. Knows no tool by name and no rule.
import type { Clock } from '../base/clock.ts';
import type { FaultPoint } from '../base/faults.ts';
import { sha256 } from '../base/hash.ts';
import type { Limits } from '../base/limits.ts';
import { claimEvent } from '../contracts/claims.ts';
import type { Grant } from '../contracts/decisions.ts';
import type { EgressGrant } from '../contracts/egress.ts';
import type { ExecOutcome, ExecRequest, ExecutorResult } from '../contracts/executor.ts';
import type { ToolCall } from '../contracts/messages.ts';
import type { Approvals, CalledTool, Decide, Emit, EmitEvent, RunTool } from '../contracts/ports.ts';
import type { ToolContext, ToolResult } from '../contracts/tools.ts';
import { askPerson } from './ask-person.ts';
import { askedFor, decideEffects, type Decided, decidedEvents, strictestOf, verdictOf } from './decide-effects.ts';
import { execPort, executeBound } from './execute-bound.ts';
import { egressEvents } from './network-note.ts';
import { readCall } from './read-call.ts';
import type { BoundCall, BoundTool } from './registry.ts';
import { killedStatus, textResult } from './result-text.ts';

export interface RunToolPorts {
  readonly run: string;
  readonly tools: readonly BoundTool[];
  readonly decide: Decide;
  readonly approvals: Approvals;
  /** Runs a command in this run's sandbox, opening it when needed. Must cancel the command when the run is stopped. */
  readonly exec: (request: Omit<ExecRequest, 'sandbox'>) => Promise<ExecutorResult<ExecOutcome>>;
  readonly emit: Emit;
  /** Lets that through in the network of the run; absent: it has none. */
  readonly permit?: (grant: Grant) => Promise<EgressGrant | undefined>;
  readonly setUp?: ToolContext['setUp'];
  /** Absolute path of the work tree inside the sandbox. */
  readonly workPath: string;
  /** Of the policy that holds now; a grant given under another one is not used. */
  readonly policyHash: string;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly faults: FaultPoint;
  readonly newId: (prefix: string) => string;
}

/** The port `runTool` of one run. It rejects only when the journal or the approvals are lost. */
export function createRunTool(ports: RunToolPorts): RunTool {
  const has = (need: boolean | undefined, port: unknown) => need !== true || port !== undefined;
  const tools = ports.tools.filter(({ access, setsUp }) => has(access, ports.permit) && has(setsUp, ports.setUp));
  return (call, step, signal) => runCall({ ...ports, tools }, call, step, signal);
}

/**
 * A call that cannot be read is recorded as `tool_finished` (invalid) alone: nothing started. When the signal aborts before the tool
 * started, nothing more is recorded: after a restart the same call is decided and asked again, and the question still waits.
 */
async function runCall(ports: RunToolPorts, call: ToolCall, step: number, signal: AbortSignal): Promise<CalledTool> {
  const max = ports.limits.toolResultBytes;
  const read = readCall(ports.tools, call, ports.limits.toolArgumentBytes);
  if (!read.ok) {
    const invalid = textResult({ status: 'invalid' }, `invalid call: ${read.message}`, '', max);
    return record(ports, [], call, invalid, { detail: 'invalid', ms: 0, restarted: false });
  }
  const { bound } = read;
  const decided = decide(ports, bound, call.name);
  const decisions = decidedEvents(call.id, decided);
  if (verdictOf(decided) === 'deny') {
    const denied = deniedBy(strictestOf(decided), max);
    return record(ports, decisions, call, denied.result, { detail: denied.rule, ms: 0, restarted: false });
  }
  await ports.emit(decisions);
  const asking = decided.filter(({ decision }) => decision.verdict === 'ask');
  const permit = await askPerson({ call, step, asking }, ports, signal);
  if (signal.aborted) return { result: cancelled(max) };
  if (!permit.ok) {
    const denied = deniedBy(permit, max);
    return record(ports, [], call, denied.result, { detail: denied.rule, ms: 0, restarted: false });
  }
  return execute(ports, call, step, bound, permit.grants);
}

/** Where there is a network, its proxy judges what goes over the wire: what a command may mean is not judged before. */
function decide(ports: RunToolPorts, bound: BoundCall, tool: string): readonly Decided[] {
  if (ports.permit === undefined) return decideEffects(bound.effects, tool, ports);
  if (bound.access === true) return askedFor(decideEffects(bound.effects, tool, ports));
  const judged = bound.effects.filter(({ type }) => type !== 'egress');
  return decideEffects(judged, tool, ports);
}

async function execute(
  ports: RunToolPorts,
  call: ToolCall,
  step: number,
  bound: BoundCall,
  grants: readonly Grant[],
): Promise<CalledTool> {
  const argumentsHash = sha256(call.arguments);
  await ports.emit([
    { body: { type: 'tool_started', call: call.id, tool: call.name, argumentsHash }, contents: [call.arguments] },
  ]);
  const granted = await permitAll(ports, grants);
  ports.faults('before:tool');
  const started = ports.clock.monotonic();
  const port = execPort(ports);
  const { run, workPath, limits } = ports;
  const more = ports.setUp === undefined ? {} : { setUp: ports.setUp };
  const context: ToolContext = { run, step, exec: port.exec, workPath, limits, granted, ...more };
  const { result, detail } = await executeBound(bound, context, port);
  ports.faults('after:tool');
  const ms = ports.clock.monotonic() - started;
  const seen = { detail, ms, restarted: port.restarted() };
  const { finish } = bound;
  const network = egressEvents(call.id, port.egress());
  if (finish === undefined || result.status !== 'ok') return record(ports, network, call, result, seen);
  // In one append with the result: a crash between the two would lose the claim.
  return { ...(await record(ports, network, call, result, seen, [claimEvent(finish, call.id)])), finish };
}

async function permitAll({ permit }: RunToolPorts, grants: readonly Grant[]): Promise<readonly EgressGrant[]> {
  const granted: EgressGrant[] = [];
  for (const grant of grants) {
    const one = await permit?.(grant);
    if (one !== undefined) granted.push(one);
  }
  return granted;
}

async function record(
  ports: RunToolPorts,
  before: readonly EmitEvent[],
  call: ToolCall,
  result: ToolResult,
  seen: { readonly detail: string; readonly ms: number; readonly restarted: boolean },
  after: readonly EmitEvent[] = [],
): Promise<CalledTool> {
  const exit = result.status === 'failed' && result.exitCode !== undefined ? { exitCode: result.exitCode } : {};
  const body = {
    type: 'tool_finished',
    call: call.id,
    tool: call.name,
    status: result.status,
    ...seen,
    ...exit,
    resultHash: sha256(result.output),
  } as const;
  await ports.emit([...before, { body, contents: [result.output] }, ...after]);
  return { result };
}

function deniedBy(
  by: { readonly rule: string; readonly advice: string },
  max: number,
): { readonly result: ToolResult; readonly rule: string } {
  const status = `denied by ${by.rule}: ${by.advice}`;
  return { result: textResult({ status: 'denied', rule: by.rule }, status, '', max), rule: by.rule };
}

function cancelled(max: number): ToolResult {
  return textResult({ status: 'killed', by: 'cancelled' }, killedStatus('cancelled'), '', max);
}
