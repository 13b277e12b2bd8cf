// Owns the tool `bash`: one command in the live shell of the run. Knows no sandbox; refuses to judge the text, which only explains.
import { type Late, late } from '../base/schema.ts';
import type { Effect } from '../contracts/effects.ts';
import type { ExecOutcome } from '../contracts/executor.ts';
import type { Tool, ToolContext, ToolResult } from '../contracts/tools.ts';
import { BASH } from './definitions.ts';
import { countNumber, filledText, parseArguments } from './arguments.ts';
import { notExited } from './clean-script.ts';
import { outputResult, RESULT_FRAME_BYTES } from './result-text.ts';
import { shellEffects } from './shell-effects.ts';

const schema = late((z) => z.strictObject({ command: filledText(), timeout_seconds: countNumber().optional() }));
export type BashArguments = Late<typeof schema>;

export const bashTool: Tool<BashArguments> = {
  definition: BASH,
  parse: (value) => parseArguments(schema, value, { command: 'npm test' }),
  effects: (value): readonly Effect[] => shellEffects(value.command),
  execute: runCommand,
};

async function runCommand(value: BashArguments, context: ToolContext): Promise<ToolResult> {
  const { limits } = context;
  const wantedMs = value.timeout_seconds === undefined ? limits.commandTimeoutMs : value.timeout_seconds * 1000;
  const outcome = await context.exec({
    command: value.command,
    timeoutMs: Math.min(wantedMs, limits.commandTimeoutMaxMs),
    outputBytes: Math.max(0, limits.toolResultBytes - RESULT_FRAME_BYTES),
    keep: true,
  });
  if (outcome.end !== 'exited') return notExited(outcome, limits.toolResultBytes);
  const { exitCode } = outcome;
  const end = exitCode === 0 ? ({ status: 'ok' } as const) : ({ status: 'failed', exitCode } as const);
  return outputResult(end, exitStatus(outcome, exitCode), outcome.output, limits.toolResultBytes);
}

function exitStatus(outcome: ExecOutcome, exitCode: number): string {
  const restarted = 'the shell ended and was started anew in the same directory; variables are lost';
  return outcome.restarted ? `exit status: ${exitCode}\n${restarted}` : `exit status: ${exitCode}`;
}
