// Owns how a request in Anthropic's dialect becomes ours. Knows no HTTP and no engine.
import { CaissonError } from '../../base/errors.ts';
import type { ChatRequest, ResponseFormat, Thinking, ToolChoice, ToolDefinition } from '../../contracts/messages.ts';
import type { MessagesBody, Tool } from './schema.ts';
import { messagesOf } from './turns.ts';

const AFFINITY_CHARACTERS = 512;

/** Each effort that a client may name; others are no wish that we know. */
const EFFORTS: ReadonlyMap<string, NonNullable<Thinking['effort']>> = new Map([
  ['none', 'none'],
  ['minimal', 'minimal'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'xhigh'],
  ['max', 'xhigh'],
]);

/**
 * `session`: what a header says of the conversation; requests of one conversation meet a warm cache.
 * Throws `invalid_input` for a choice of a tool that is not there.
 */
export function chatRequestOf(body: MessagesBody, session: string | undefined): ChatRequest {
  const tools = body.tools?.flatMap(definitionOf) ?? [];
  const stop = body.stop_sequences?.filter((text) => text !== '') ?? [];
  return {
    model: body.model,
    messages: messagesOf(body),
    // Engines refuse an empty list of tools.
    ...given('tools', tools.length === 0 ? undefined : tools),
    ...given('toolChoice', toolChoiceOf(body, tools)),
    ...given('parallelToolCalls', isOneByOne(body) ? false : undefined),
    ...given('temperature', body.temperature),
    ...given('topP', body.top_p),
    ...given('topK', body.top_k),
    ...given('maxTokens', body.max_tokens),
    ...given('stop', stop.length === 0 ? undefined : stop),
    ...given('thinking', thinkingOf(body)),
    ...given('responseFormat', formatOf(body)),
    ...given('affinity', session ?? body.metadata?.user_id?.slice(0, AFFINITY_CHARACTERS)),
  };
}

/** How the thinking of the answer is shown. Models that think do so unless they are told not to, as engines have it. */
export function shownThinking({ thinking }: MessagesBody): 'whole' | 'omitted' | 'none' {
  if (thinking?.type === 'disabled') return 'none';
  return thinking?.display === 'omitted' ? 'omitted' : 'whole';
}

function given<Name extends string, Value>(name: Name, value: Value | null | undefined): { [Key in Name]?: Value } {
  const field: { [Key in Name]?: Value } = {};
  if (value !== null && value !== undefined) field[name] = value;
  return field;
}

function definitionOf(tool: Tool): readonly ToolDefinition[] {
  if (tool.type === 'server') return [];
  const { name, description, input_schema: parameters } = tool;
  return [{ name, description: description ?? '', parameters: { ...parameters, type: 'object' } }];
}

function toolChoiceOf({ tool_choice: choice }: MessagesBody, tools: readonly ToolDefinition[]): ToolChoice | undefined {
  if (choice === null || choice === undefined) return undefined;
  if (choice.type === 'any') return 'required';
  if (choice.type !== 'tool') return choice.type;
  const { name } = choice;
  if (!tools.some((tool) => tool.name === name))
    throw new CaissonError('invalid_input', `tool_choice.name: there is no tool ${JSON.stringify(name)} to choose`, {
      place: { field: 'tool_choice.name' },
    });
  return { name };
}

function isOneByOne({ tool_choice: choice }: MessagesBody): boolean {
  return choice !== null && choice !== undefined && choice.type !== 'none' && choice.disable_parallel_tool_use === true;
}

/** `adaptive` leaves it to the model. */
function thinkingOf({ thinking, output_config: config }: MessagesBody): Thinking | undefined {
  if (thinking?.type === 'disabled') return { enabled: false };
  const wish: Thinking = {
    ...(thinking?.type === 'enabled' ? { enabled: true } : {}),
    ...(thinking?.type === 'enabled' ? given('budgetTokens', thinking.budget_tokens) : {}),
    ...given('effort', EFFORTS.get(config?.effort ?? '')),
  };
  return Object.keys(wish).length === 0 ? undefined : wish;
}

function formatOf({ output_config: config, output_format: format }: MessagesBody): ResponseFormat | undefined {
  const wanted = config?.format ?? format;
  return wanted ? { type: 'json_schema', name: 'answer', schema: wanted.schema } : undefined;
}
