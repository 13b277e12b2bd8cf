// Owns the list of tools and how a call becomes work. Knows no decision and no sandbox.
import type { Effect } from '../contracts/effects.ts';
import type { ToolDefinition } from '../contracts/messages.ts';
import type { FinishClaim, Tool, ToolContext, ToolResult } from '../contracts/tools.ts';
import { bashTool } from './bash.ts';
import { editTool } from './edit.ts';
import { finishTool } from './finish.ts';
import { readTool } from './read.ts';
import { requestAccessTool } from './request-access.ts';
import { searchTool } from './search.ts';
import { setUpTool } from './set-up.ts';
import { writeTool } from './write.ts';

/** A call whose arguments are read: what it would do, and how to do it. */
export interface BoundCall {
  readonly effects: readonly Effect[];
  execute(context: ToolContext): Promise<ToolResult>;
  /** What it would do is only asked for. */
  readonly access?: boolean;
  /** The claim to be done, if the call makes one. */
  readonly finish?: FinishClaim;
}

export interface BoundTool {
  readonly definition: ToolDefinition;
  /** It asks for the network: a run without one does not have it. */
  readonly access?: boolean;
  /** It asks for another set-up: a run that may have none does not have it. */
  readonly setsUp?: boolean;
  /** Reads the model's arguments; the message of a refusal is written for the model. */
  bind(
    value: unknown,
  ): { readonly ok: true; readonly call: BoundCall } | { readonly ok: false; readonly message: string };
}

/** In the order of their definitions. */
export const TOOLS: readonly BoundTool[] = [
  bind(bashTool),
  bind(readTool),
  bind(editTool),
  bind(writeTool),
  bind(searchTool),
  bind(requestAccessTool),
  bind(setUpTool),
  bind(finishTool, (claim) => ({ summary: claim.summary, checked: claim.checked })),
];

export function bind<Arguments>(tool: Tool<Arguments>, claim?: (value: Arguments) => FinishClaim): BoundTool {
  return {
    definition: tool.definition,
    access: tool.access === true,
    setsUp: tool.setsUp === true,
    bind: (given) => {
      const read = tool.parse(given);
      if (!read.ok) return read;
      const { value } = read;
      const call: BoundCall = {
        effects: tool.effects(value),
        access: tool.access === true,
        execute: (context) => tool.execute(value, context),
        ...(claim === undefined ? {} : { finish: claim(value) }),
      };
      return { ok: true, call };
    },
  };
}
