// Owns the OpenAI chat request: what of it we take and how it becomes ours. Fields that are not here are ignored. Knows no engine.
import { z } from 'zod';
import type { JsonObject } from '../../base/json.ts';
import type {
  ChatRequest,
  ContentPart,
  Message,
  ToolCall,
  ToolChoice,
  ToolDefinition,
} from '../../contracts/messages.ts';

const EMPTY_PARAMETERS: JsonObject = { type: 'object', properties: {} };

const textPart = z.object({ type: z.literal('text'), text: z.string() });
const imagePart = z.object({ type: z.literal('image_url'), image_url: z.object({ url: z.string() }) });
const textContent = z.union([z.string(), z.array(textPart)], 'expected text or a list of text parts');
const userContent = z.union(
  [z.string(), z.array(z.discriminatedUnion('type', [textPart, imagePart]))],
  'expected text or a list of parts of type text or image_url',
);

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function').nullish(),
  function: z.object({ name: z.string(), arguments: z.string() }),
});

const message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.enum(['system', 'developer']), content: textContent }),
    z.object({ role: z.literal('user'), content: userContent }),
    z.object({
      role: z.literal('assistant'),
      content: textContent.nullish(),
      reasoning: z.string().nullish(),
      reasoning_content: z.string().nullish(),
      tool_calls: z.array(toolCall).nullish(),
    }),
    z.object({ role: z.literal('tool'), tool_call_id: z.string(), content: textContent }),
  ],
  'expected a message with the role system, developer, user, assistant or tool',
);

const tool = z.object({
  type: z.literal('function', 'only tools of type function are known here'),
  function: z.object({
    name: z.string().min(1),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
  }),
});

const toolChoice = z.union(
  [
    z.enum(['auto', 'none', 'required']),
    z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
  ],
  'expected auto, none, required or a function by name',
);

export const chatBodySchema = z.object({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  seed: z.int().nullish(),
  n: z.literal(1, 'only one choice is given per request').nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  prompt_cache_key: z.string().max(512).nullish(),
});
export type ChatBody = z.infer<typeof chatBodySchema>;

/** `session`: what a header says of the conversation; requests of one conversation meet a warm cache. */
export function chatRequestOf(body: ChatBody, session: string | undefined): ChatRequest {
  const { tools } = body;
  const stop = typeof body.stop === 'string' ? [body.stop] : body.stop;
  return {
    model: body.model,
    messages: body.messages.map(messageOf),
    // Engines refuse an empty list of tools.
    ...given('tools', tools === undefined || tools === null || tools.length === 0 ? undefined : tools.map(toolOf)),
    ...given('toolChoice', toolChoiceOf(body.tool_choice)),
    ...given('temperature', body.temperature),
    ...given('topP', body.top_p),
    ...given('maxTokens', body.max_completion_tokens ?? body.max_tokens),
    ...given('stop', stop),
    ...given('seed', body.seed),
    ...given('affinity', body.prompt_cache_key ?? session),
  };
}

function given<Name extends string, Value>(name: Name, value: Value | null | undefined): { [Key in Name]?: Value } {
  const field: { [Key in Name]?: Value } = {};
  if (value !== null && value !== undefined) field[name] = value;
  return field;
}

function messageOf(from: ChatBody['messages'][number]): Message {
  if (from.role === 'user')
    return { role: 'user', content: typeof from.content === 'string' ? from.content : from.content.map(partOf) };
  if (from.role === 'tool') return { role: 'tool', callId: from.tool_call_id, content: textOf(from.content) };
  if (from.role !== 'assistant') return { role: 'system', content: textOf(from.content) };
  const calls = from.tool_calls?.map(callOf) ?? [];
  return {
    role: 'assistant',
    content: textOf(from.content ?? ''),
    ...given('reasoning', from.reasoning ?? from.reasoning_content),
    ...(calls.length === 0 ? {} : { toolCalls: calls }),
  };
}

function textOf(content: string | readonly { readonly text: string }[]): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('');
}

function partOf(part: z.infer<typeof textPart> | z.infer<typeof imagePart>): ContentPart {
  return part.type === 'text' ? { type: 'text', text: part.text } : { type: 'image', url: part.image_url.url };
}

function callOf(call: z.infer<typeof toolCall>): ToolCall {
  return { id: call.id, name: call.function.name, arguments: call.function.arguments };
}

function toolOf({ function: { name, description, parameters } }: z.infer<typeof tool>): ToolDefinition {
  return {
    name,
    description: description ?? '',
    parameters: (parameters as JsonObject | null | undefined) ?? EMPTY_PARAMETERS,
  };
}

function toolChoiceOf(choice: z.infer<typeof toolChoice> | null | undefined): ToolChoice | undefined {
  if (choice === null || choice === undefined || typeof choice === 'string') return choice ?? undefined;
  return { name: choice.function.name };
}
