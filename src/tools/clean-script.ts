// Owns how a tool runs its own script in the live shell without touching its state or trusting it. Knows no file format.
import type { ToolContext, ToolResult } from '../contracts/tools.ts';
import { shellQuote } from './quote.ts';
import { killedStatus, outputResult, timedOutStatus } from './result-text.ts';

export interface CleanScript {
  /** POSIX sh; `$1`… are `arguments`. */
  readonly script: string;
  readonly arguments: readonly string[];
  /** Directory it starts in; absolute. */
  readonly directory?: string;
  /** Also look for programs where the live shell does; by default only in the system's directories. */
  readonly shellPath?: boolean;
  readonly stdin?: string;
  readonly outputBytes: number;
  readonly keep?: boolean;
}

export type ScriptRun =
  | { readonly ok: true; readonly exitCode: number; readonly output: Exited['output'] }
  | { readonly ok: false; readonly result: ToolResult };

type Outcome = Awaited<ReturnType<ToolContext['exec']>>;
type Exited = Extract<Outcome, { end: 'exited' }>;

/** Printed on a line before the first one of meaning; a trap or a trace of the live shell may print before it. */
const SCRIPT_MARK = '-- caisson --';
const TIMEOUT_MS = 60_000;
const SYSTEM_PATH = '/usr/local/bin:/usr/bin:/bin';

/**
 * Runs the script in a fresh `sh` with an empty environment: functions, aliases, variables and directory of the live shell do not reach it,
 * and it does not reach them.
 */
export async function runClean(context: ToolContext, script: CleanScript): Promise<ScriptRun> {
  const outcome = await context.exec({
    command: cleanCommand(script),
    timeoutMs: Math.min(TIMEOUT_MS, context.limits.commandTimeoutMaxMs),
    outputBytes: script.outputBytes,
    keep: script.keep ?? false,
    ...(script.stdin === undefined ? {} : { stdin: script.stdin }),
  });
  if (outcome.end === 'exited') return { ok: true, exitCode: outcome.exitCode, output: afterMark(outcome) };
  return { ok: false, result: notExited(outcome, context.limits.toolResultBytes) };
}

/** The result of a command that did not end by itself. */
export function notExited(outcome: Exclude<Outcome, Exited>, maxBytes: number): ToolResult {
  if (outcome.end === 'timed_out') {
    const status = timedOutStatus(outcome.afterMs);
    return outputResult({ status: 'timed_out', afterMs: outcome.afterMs }, status, outcome.output, maxBytes);
  }
  const status = killedStatus(outcome.by, outcome.said);
  return outputResult({ status: 'killed', by: outcome.by }, status, outcome.output, maxBytes);
}

/**
 * In POSIX mode a function cannot stand in for `exec`, and what `exec` starts is a file. The outer redirection hides traces of the
 * live shell; the script joins its own errors to its output.
 */
function cleanCommand(script: CleanScript): string {
  const path = script.shellPath === true ? `PATH="$PATH"` : `PATH=${SYSTEM_PATH}`;
  const text = `exec 2>&1; echo; echo "${SCRIPT_MARK}"; ${script.script}`;
  const words = ['/bin/sh', '-c', text, 'caisson', ...script.arguments].map(shellQuote).join(' ');
  const directory = shellQuote(script.directory ?? '/');
  return `(POSIXLY_CORRECT=1; \\exec /usr/bin/env -i -C ${directory} ${path} LC_ALL=C ${words}) 2>/dev/null`;
}

function afterMark(outcome: Exited): Exited['output'] {
  const { output } = outcome;
  const mark = `\n${SCRIPT_MARK}\n`;
  const at = output.head.indexOf(mark);
  if (at === -1) return output;
  const before = output.head.slice(0, at + mark.length);
  return {
    ...output,
    head: output.head.slice(before.length),
    bytes: output.bytes - Buffer.byteLength(before),
    lines: output.lines - before.split('\n').length + 1,
  };
}
