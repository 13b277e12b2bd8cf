// Owns how a request is written for an OpenAI-compatible chat endpoint. Knows no connection.
import type OpenAI from 'openai';
import type { Json, JsonObject } from '../../base/json.ts';
import type { ChatRequest, ResponseFormat, ToolChoice, ToolDefinition } from '../../contracts/messages.ts';
import { conversationOf } from './conversation.ts';
import { type TeamFields, teamFields } from './teams.ts';

type Params = OpenAI.Chat.Completions.ChatCompletionCreateParamsStreaming;

/** With the fields that vLLM has beyond OpenAI's. */
export type ChatBody = Params &
  TeamFields & {
    readonly top_k?: number;
    readonly chat_template_kwargs?: JsonObject;
    readonly thinking_token_budget?: number;
  };

/** Fields that some endpoints refuse and that an answer does not hang on. */
export const OPTIONAL_FIELDS = [
  'stream_options',
  'reasoning_content',
  'reasoning',
  'chat_template_kwargs',
  'reasoning_effort',
  'thinking_token_budget',
  'parallel_tool_calls',
  'strict',
  'top_k',
  'presence_penalty',
  'frequency_penalty',
  'priority',
] as const;
export type OptionalField = (typeof OPTIONAL_FIELDS)[number];

/** Fields of a client that would steer the engine instead of the answer, or that speak to an account at OpenAI. */
const NOT_FOR_ENGINES: ReadonlySet<string> = new Set([
  'request_id',
  'kv_transfer_params',
  'chat_template',
  'store',
  'metadata',
  'client_metadata',
  'user',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
]);

/** What this writes itself, or what would change the form of the answer: never taken from a client's further fields. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...OPTIONAL_FIELDS,
  'model',
  'messages',
  'stream',
  'tools',
  'tool_choice',
  'temperature',
  'top_p',
  'max_tokens',
  'max_completion_tokens',
  'stop',
  'seed',
  'n',
  'best_of',
  'echo',
  'response_format',
  'logprobs',
  'top_logprobs',
]);

/**
 * Always streaming: the streamed form tells the truth about cut calls, the plain one does not. `without`: fields this endpoint does
 * not take. An empty list of tools is left out, and a choice among no tools too: both are refused.
 */
export function chatBody(request: ChatRequest, without: ReadonlySet<string>): ChatBody {
  const { model, messages } = request;
  const written: ChatBody = {
    model,
    stream: true,
    ...(without.has('stream_options') ? {} : { stream_options: { include_usage: true } }),
    messages: [...conversationOf(messages, without)],
    ...toolFields(request, without),
    ...settings(request, without),
    ...thinkingFields(request, without),
    ...teamFields(request, without),
  };
  const further = furtherFields(request).filter(([name]) => !without.has(name));
  return further.length === 0 ? written : Object.assign(Object.fromEntries(further), written);
}

/** The same, for an answer in one piece. */
export function wholeBody(request: ChatRequest, without: ReadonlySet<string>): object {
  const { stream_options: _, ...body } = chatBody(request, without);
  return { ...body, stream: false };
}

/** Names of the fields that can be left out, of those that the request has: first those that an endpoint may not know. */
export function optionalIn(request: ChatRequest): readonly string[] {
  const body = chatBody(request, new Set());
  const thinks = request.messages.some((message) => message.role === 'assistant' && message.reasoning !== undefined);
  const isStrict = request.tools?.some(({ strict }) => strict !== undefined) === true;
  const inner: Readonly<Record<string, boolean>> = { reasoning: thinks, reasoning_content: thinks, strict: isStrict };
  return [
    ...OPTIONAL_FIELDS.filter((field) => inner[field] ?? Object.hasOwn(body, field)),
    ...furtherFields(request).map(([name]) => name),
  ];
}

/** What a client asked for beyond what is known here, for the engine as it is. */
export function furtherFields({ extra = {} }: Pick<ChatRequest, 'extra'>): readonly (readonly [string, unknown])[] {
  return Object.entries(extra).filter(([name]) => !OWN_FIELDS.has(name) && !NOT_FOR_ENGINES.has(name));
}

/** What the template of the conversation is told; undefined: nothing. */
export function templateWishes({ thinking, extra }: ChatRequest): JsonObject | undefined {
  const given = objectIn(extra?.['chat_template_kwargs']);
  const enabled = thinking?.enabled ?? (thinking?.effort === 'none' ? false : undefined);
  return enabled === undefined ? given : { ...given, enable_thinking: enabled };
}

function objectIn(value: Json | undefined): JsonObject | undefined {
  return value === undefined || value === null || typeof value !== 'object' || isList(value) ? undefined : value;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** What a request says beside its conversation and its tools. */
export function settings(request: ChatRequest, without: ReadonlySet<string>): Partial<ChatBody> {
  const { temperature, topP, topK, maxTokens, stop, seed, presencePenalty, frequencyPenalty } = request;
  const { logprobs, responseFormat } = request;
  return {
    ...field('temperature', temperature),
    ...field('top_p', topP),
    ...field('top_k', topK, without),
    ...field('max_tokens', maxTokens, without),
    ...(stop === undefined || stop.length === 0 ? {} : { stop: [...stop] }),
    ...field('seed', seed),
    ...field('presence_penalty', presencePenalty, without),
    ...field('frequency_penalty', frequencyPenalty, without),
    ...(logprobs === undefined ? {} : { logprobs: true }),
    ...(logprobs === undefined || logprobs === 0 ? {} : { top_logprobs: logprobs }),
    ...(responseFormat === undefined ? {} : { response_format: formatOf(responseFormat) }),
  };
}

function field<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
  without: ReadonlySet<string> = new Set(),
): { [Key in Name]?: Value } {
  const made: { [Key in Name]?: Value } = {};
  if (value !== undefined && !without.has(name)) made[name] = value;
  return made;
}

function formatOf(format: ResponseFormat): NonNullable<Params['response_format']> {
  if (format.type === 'text') return { type: 'text' };
  if (format.type === 'json') return { type: 'json_object' };
  const { name, schema, strict } = format;
  return {
    type: 'json_schema',
    json_schema: { name, schema: { ...schema }, ...(strict === undefined ? {} : { strict }) },
  };
}

/** Engines differ in which of these they know; those that think by a template know `enable_thinking`. */
function thinkingFields(request: ChatRequest, without: ReadonlySet<string>): Partial<ChatBody> {
  const wishes = templateWishes(request);
  const { effort, budgetTokens } = request.thinking ?? {};
  const isOff = wishes?.['enable_thinking'] === false;
  return {
    ...field('chat_template_kwargs', wishes, without),
    ...field('reasoning_effort', isOff && effort !== 'none' ? undefined : effort, without),
    ...field('thinking_token_budget', isOff ? undefined : budgetTokens, without),
  };
}

function toolFields(
  { tools = [], toolChoice, parallelToolCalls }: ChatRequest,
  without: ReadonlySet<string>,
): Partial<ChatBody> {
  if (tools.length === 0) return {};
  return {
    tools: tools.map((tool) => toolOf(tool, without)),
    ...(toolChoice === undefined ? {} : { tool_choice: choiceOf(toolChoice) }),
    ...field('parallel_tool_calls', parallelToolCalls, without),
  };
}

export function toolOf(
  { name, description, parameters, strict }: ToolDefinition,
  without: ReadonlySet<string>,
): OpenAI.Chat.Completions.ChatCompletionFunctionTool {
  return {
    type: 'function',
    function: { name, description, parameters: { ...parameters }, ...field('strict', strict, without) },
  };
}

function choiceOf(choice: ToolChoice): NonNullable<Params['tool_choice']> {
  return typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } };
}
