// Owns the tools of a Responses request: how each is shown to a chat engine as a function, and which tool a call means. Knows no item.
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import type { ToolChoice, ToolDefinition } from '../../contracts/messages.ts';
import { shownAsFunction } from '../freeform.ts';
import { known } from './kinds.ts';

const EMPTY_PARAMETERS: JsonObject = { type: 'object', properties: {} };
const SEPARATOR = '__';

const functionTool = z.object({
  type: z.literal('function'),
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});
const customTool = z.object({
  type: z.literal('custom'),
  name: z.string().min(1),
  description: z.string().nullish(),
  format: z.object({ type: z.string(), syntax: z.string().nullish(), definition: z.string().nullish() }).nullish(),
});
const ignored = z.object({ type: z.literal('ignored') });
const inner = z.preprocess(
  (value) => known(value, ['function', 'custom']),
  z.discriminatedUnion('type', [functionTool, customTool, ignored], 'expected a tool with a type'),
);
const namespace = z.object({ type: z.literal('namespace'), name: z.string().min(1), tools: z.array(inner) });
const tool = z.preprocess(
  (value) => known(value, ['function', 'custom', 'namespace']),
  z.discriminatedUnion('type', [functionTool, customTool, namespace, ignored], 'expected a tool with a type'),
);

/** Tools that only the vendor of the dialect can run are ignored: clients send them to everyone. */
export const toolsSchema = z.array(tool);
export type Tools = z.infer<typeof toolsSchema>;

const named = z.object({ type: z.string(), name: z.string().nullish(), namespace: z.string().nullish() });
export const toolChoiceSchema = z.union(
  [
    z.enum(['auto', 'none', 'required']),
    z.object({ type: z.literal('allowed_tools'), mode: z.enum(['auto', 'required']), tools: z.array(named) }),
    named,
  ],
  'expected auto, none, required, a tool by name or allowed_tools',
);
export type WantedChoice = z.infer<typeof toolChoiceSchema>;

/** A tool in the client's own words. */
export interface ClientTool {
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly namespace?: string;
}

export interface Toolbox {
  readonly definitions: readonly ToolDefinition[];
  /** What the model means by a name. A tool that nobody offered is a function of that name. */
  meaning(name: string): ClientTool;
}

/** A tool that is declared again, as clients do that repeat their tools in each turn, counts as it was declared last. */
export function toolboxOf(tools: Tools): Toolbox {
  const found = new Map<string, { readonly tool: ClientTool; readonly definition: ToolDefinition }>();
  const put = (given: Exclude<Tools[number], { type: 'namespace' }>, space?: string) => {
    if (given.type === 'ignored') return;
    const name = shownName(given.name, space);
    const own = { kind: given.type, name: given.name, ...(space === undefined ? {} : { namespace: space }) };
    found.set(name, {
      tool: own,
      definition: given.type === 'function' ? functionOf(name, given) : freeformOf(name, given),
    });
  };
  for (const given of tools)
    if (given.type === 'namespace') for (const each of given.tools) put(each, given.name);
    else put(given);
  return {
    definitions: [...found.values()].map(({ definition }) => definition),
    meaning: (name) => found.get(name)?.tool ?? { kind: 'function', name },
  };
}

/** The name under which the model knows a tool. */
export function shownName(name: string, space?: string | null): string {
  return space === undefined || space === null || space === '' ? name : `${space}${SEPARATOR}${name}`;
}

export interface OfferedTools {
  readonly tools?: readonly ToolDefinition[];
  readonly toolChoice?: ToolChoice;
}

/** What the engine is offered. Throws `invalid_input` for a choice that cannot be kept. */
export function offer({ definitions }: Toolbox, choice: WantedChoice | null | undefined): OfferedTools {
  if (typeof choice === 'object' && choice !== null && 'mode' in choice) return offerAllowed(definitions, choice);
  const tools = definitions.length === 0 ? {} : { tools: definitions };
  if (choice === undefined || choice === null) return tools;
  if (typeof choice !== 'string') return { ...tools, toolChoice: { name: chosenName(definitions, choice) } };
  if (choice === 'required' && definitions.length === 0) throw refusal('there is no tool that could be called');
  return definitions.length === 0 ? {} : { ...tools, toolChoice: choice };
}

function offerAllowed(
  definitions: readonly ToolDefinition[],
  { mode, tools }: Extract<WantedChoice, { mode: string }>,
): OfferedTools {
  const names = new Set(tools.map(({ name, namespace: space }) => shownName(name ?? '', space)));
  const allowed = definitions.filter(({ name }) => names.has(name));
  if (allowed.length > 0) return { tools: allowed, toolChoice: mode };
  if (mode === 'required') throw refusal('none of the allowed tools is offered here');
  return definitions.length === 0 ? {} : { tools: definitions, toolChoice: 'none' };
}

function chosenName(definitions: readonly ToolDefinition[], choice: z.infer<typeof named>): string {
  const { type, name, namespace: space } = choice;
  const shown = shownName(name ?? '', space);
  if (definitions.some((definition) => definition.name === shown)) return shown;
  throw refusal(`the ${type} tool ${JSON.stringify(name ?? '')} is not among the tools that are offered here`);
}

function functionOf(name: string, given: z.infer<typeof functionTool>): ToolDefinition {
  return {
    name,
    description: given.description ?? '',
    parameters: (given.parameters as JsonObject | null | undefined) ?? EMPTY_PARAMETERS,
    ...(given.strict === true ? { strict: true } : {}),
  };
}

function freeformOf(name: string, { description, format }: z.infer<typeof customTool>): ToolDefinition {
  const { definition, syntax } = format ?? {};
  const grammar = definition === undefined || definition === null ? undefined : { definition, syntax };
  return shownAsFunction({ name, description, grammar });
}

function refusal(message: string): CaissonError {
  return new CaissonError('invalid_input', `tool_choice: ${message}`, { place: { field: 'tool_choice' } });
}
