// Owns how the tools of an OpenAI chat request and the choice among them become ours, in all their forms. Knows no message.
import { CaissonError } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import type { ChatRequest, ToolChoice, ToolDefinition } from '../../contracts/messages.ts';
import { shownAsFunction } from '../freeform.ts';
import { given } from './given.ts';
import type { ChatBody, CustomDefinition, Definition, GivenChoice, GivenTool, NamedTool } from './schema.ts';

type Offer = Pick<ChatRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'>;

const EMPTY_PARAMETERS: JsonObject = { type: 'object', properties: {} };

/** Whether the client speaks the form that was before tools: it gets one call at most, in that form. */
export function speaksFunctions({ tools, functions }: Pick<ChatBody, 'tools' | 'functions'>): boolean {
  return !tools?.length && Boolean(functions?.length);
}

/** Names of the freeform tools: the text of a call is told as it is, not as JSON. */
export function freeformNames({ tools }: Pick<ChatBody, 'tools'>): ReadonlySet<string> {
  return new Set(tools?.flatMap((tool) => (tool.type === 'custom' ? [tool.custom.name] : [])));
}

/** Engines refuse an empty list of tools. Throws `invalid_input` for the choice of a tool that is not offered. */
export function toolsOf(body: ChatBody): Offer {
  const older = speaksFunctions(body);
  const all = (older ? body.functions?.map(functionOf) : body.tools?.map(toolOf)) ?? [];
  const { choice, among } = older ? olderChoice(body.function_call) : choiceOf(body.tool_choice);
  refuseUnknown(choice, all, older);
  const tools = among === undefined ? all : all.filter(({ name }) => among.has(name));
  const chosen = given('toolChoice', choice);
  if (tools.length === 0) return chosen;
  return { tools, ...chosen, ...given('parallelToolCalls', older ? false : body.parallel_tool_calls) };
}

function toolOf(tool: GivenTool): ToolDefinition {
  return tool.type === 'function' ? functionOf(tool.function) : customOf(tool.custom);
}

function customOf({ name, description, format }: CustomDefinition): ToolDefinition {
  return shownAsFunction({ name, description, grammar: format?.type === 'grammar' ? format.grammar : undefined });
}

function functionOf({ name, description, parameters, strict }: Definition): ToolDefinition {
  return {
    name,
    description: description ?? '',
    parameters: (parameters as JsonObject | null | undefined) ?? EMPTY_PARAMETERS,
    ...(typeof strict === 'boolean' ? { strict } : {}),
  };
}

interface Chosen {
  readonly choice: ToolChoice | undefined;
  /** Names of the tools that may be called; undefined: all. */
  readonly among?: ReadonlySet<string>;
}

function choiceOf(wish: GivenChoice | null | undefined): Chosen {
  if (wish === null || wish === undefined) return { choice: undefined };
  if (typeof wish === 'string') return { choice: wordOf(wish) };
  if ('function' in wish || 'custom' in wish) return { choice: { name: nameOf(wish) } };
  if (wish.type !== 'allowed_tools') return { choice: wordOf(wish.type) };
  const { mode, tools } = wish.allowed_tools;
  return { choice: mode, among: new Set(tools.map(nameOf)) };
}

function nameOf(wish: NamedTool): string {
  return wish.type === 'function' ? wish.function.name : wish.custom.name;
}

function wordOf(word: 'auto' | 'none' | 'required' | 'any'): ToolChoice {
  return word === 'any' ? 'required' : word;
}

function olderChoice(wish: ChatBody['function_call']): Chosen {
  return { choice: wish ?? undefined };
}

function refuseUnknown(choice: ToolChoice | undefined, tools: readonly ToolDefinition[], older: boolean): void {
  if (choice === undefined || typeof choice === 'string') return;
  if (tools.some(({ name }) => name === choice.name)) return;
  const field = older ? 'function_call' : 'tool_choice';
  throw new CaissonError('invalid_input', `${field}: there is no tool with the name ${JSON.stringify(choice.name)}`, {
    place: { field },
  });
}
