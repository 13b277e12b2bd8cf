// Owns reading a call as the model wrote it: which tool, is it JSON, do the arguments fit. Repairs nothing; says how to correct it.
import { relatedWord } from '../base/closest.ts';
import { CaissonError } from '../base/errors.ts';
import { type Json, parseJson } from '../base/json.ts';
import type { ToolCall } from '../contracts/messages.ts';
import type { BoundCall, BoundTool } from './registry.ts';

export type ReadCall =
  | { readonly ok: true; readonly bound: BoundCall }
  | { readonly ok: false; readonly message: string };

const AROUND = 40;

export function readCall(tools: readonly BoundTool[], call: ToolCall, maxBytes: number): ReadCall {
  const tool = tools.find((candidate) => candidate.definition.name === call.name);
  if (tool === undefined) return { ok: false, message: unknownTool(tools, call.name) };
  const json = readJson(call.arguments, maxBytes);
  if (!json.ok) return { ok: false, message: `${call.name}: ${json.message}` };
  const bound = tool.bind(json.value);
  return bound.ok ? { ok: true, bound: bound.call } : { ok: false, message: `${call.name}: ${bound.message}` };
}

function unknownTool(tools: readonly BoundTool[], name: string): string {
  const names = tools.map((tool) => tool.definition.name);
  const near = relatedWord(name, names);
  const guess = near === undefined ? '' : ` (did you mean ${near}?)`;
  return `there is no tool ${JSON.stringify(name.slice(0, 60))}${guess}; the tools are ${names.join(', ')}`;
}

function readJson(
  text: string,
  maxBytes: number,
): { readonly ok: true; readonly value: Json } | { readonly ok: false; readonly message: string } {
  try {
    return { ok: true, value: parseJson(text.trim() === '' ? '{}' : text, 'the argument text', maxBytes) };
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return {
      ok: false,
      message: error.code === 'invalid_json' ? `${error.message}${where(error, text)}` : error.message,
    };
  }
}

/** The engine names the place as "position N"; shows what stands there. */
function where(error: CaissonError, text: string): string {
  const position = /position (\d+)/.exec(error.message)?.[1];
  const at = position === undefined ? text.length : Number(position);
  if (at >= text.length)
    return `; the text ends too early, after ${JSON.stringify(text.slice(-AROUND))}: was it cut off?`;
  return `; there stands ${JSON.stringify(text.slice(Math.max(0, at - AROUND), at + AROUND))}. Escape quotes and line ends within strings`;
}
