// Owns that executing a tool never throws: whatever goes wrong becomes a result. Knows no tool.
import { reportOf, type ErrorReport } from '../base/errors.ts';
import type { EgressRecord } from '../contracts/egress.ts';
import type { ExecOutcome, ExecRequest, ExecutorResult } from '../contracts/executor.ts';
import type { ToolContext, ToolResult } from '../contracts/tools.ts';
import { withNetworkNote } from './network-note.ts';
import type { BoundCall } from './registry.ts';
import { killedStatus, takeHead, textResult } from './result-text.ts';

export interface ExecPort {
  readonly exec: ToolContext['exec'];
  /** True once a command of this call made the live shell start anew. */
  restarted(): boolean;
  /** What was asked of the network while the call ran. */
  egress(): readonly EgressRecord[];
}

interface Ports {
  readonly exec: (request: Omit<ExecRequest, 'sandbox'>) => Promise<ExecutorResult<ExecOutcome>>;
  readonly newId: (prefix: string) => string;
}

/** The sandbox did not run the command; `report` says why. */
class SandboxRefused extends Error {
  readonly report: ErrorReport;
  constructor(report: ErrorReport) {
    super(report.message);
    this.report = report;
  }
}

/** The port as a tool sees it: without ids, and with the executor's refusal as an exception that `executeBound` catches. */
export function execPort(ports: Ports): ExecPort {
  let restarted = false;
  const egress: EgressRecord[] = [];
  return {
    exec: async (request) => {
      const done = await ports.exec({ ...request, exec: ports.newId('exec') });
      if (!done.ok) throw new SandboxRefused(done.error);
      restarted ||= done.value.restarted;
      egress.push(...(done.value.egress ?? []));
      return done.value;
    },
    restarted: () => restarted,
    egress: () => egress,
  };
}

/** `detail` is for the journal: the reason of a kill, the code of an error, '' otherwise. */
export async function executeBound(
  bound: BoundCall,
  context: ToolContext,
  port: ExecPort,
): Promise<{ readonly result: ToolResult; readonly detail: string }> {
  const max = context.limits.toolResultBytes;
  try {
    const result = withNetworkNote(fitting(await bound.execute(context), max), port.egress(), max);
    return { result, detail: detailOf(result, port) };
  } catch (error) {
    if (error instanceof SandboxRefused) {
      const { code, message } = error.report;
      const status = `${killedStatus('sandbox_gone')}\n${code}: ${message}`;
      return { result: textResult({ status: 'killed', by: 'sandbox_gone' }, status, '', max), detail: code };
    }
    const { code, message } = reportOf(error);
    const status = `failed: the tool itself failed (${code}): ${message}. Try another way`;
    return { result: textResult({ status: 'failed' }, status, '', max), detail: code };
  }
}

function detailOf(result: ToolResult, port: ExecPort): string {
  if (result.status === 'killed') return result.by;
  return port.restarted() ? 'restarted' : '';
}

/** A tool that says too much is a defect; its result is cut all the same. */
function fitting(result: ToolResult, max: number): ToolResult {
  return Buffer.byteLength(result.output) <= max ? result : { ...result, output: takeHead(result.output, max) };
}
