// Owns the body of a Responses request: what of it we take, what we refuse, and how it becomes a chat request. Other fields are ignored.
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import type { ChatRequest, ResponseFormat, Thinking } from '../../contracts/messages.ts';
import { messagesOf, type PlacedItem } from './conversation.ts';
import { itemsSchema } from './items.ts';
import { offer, type Toolbox, toolChoiceSchema, toolsSchema } from './tools.ts';

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;
const KEY_CHARACTERS = 512;

const format = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('text') }),
    z.object({ type: z.literal('json_object') }),
    z.object({
      type: z.literal('json_schema'),
      name: z.string().min(1),
      schema: z.record(z.string(), z.unknown()),
      strict: z.boolean().nullish(),
    }),
  ],
  'expected a format of type text, json_object or json_schema',
);

/** Fields that are only told back are taken as they are where they can be, and left out where they cannot. */
const told = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().catch(null);

export const responsesBodySchema = z.object({
  model: z.string().min(1),
  input: itemsSchema.optional(),
  instructions: z.string().nullish(),
  tools: toolsSchema.nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  text: z.object({ format: format.nullish(), verbosity: told(z.string()) }).nullish(),
  reasoning: z
    .object({ effort: told(z.string()), summary: told(z.string()), generate_summary: told(z.string()) })
    .nullish(),
  include: z.array(z.string()).nullish(),
  fallback_model: z.string().max(256).nullish(),
  previous_response_id: z.string().nullish(),
  store: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  prompt_cache_key: told(z.string()),
  background: z.boolean().nullish(),
  conversation: z.unknown().optional(),
  prompt: z.unknown().optional(),
  truncation: told(z.enum(['auto', 'disabled'])),
  metadata: told(z.record(z.string(), z.string())),
  user: told(z.string()),
  service_tier: told(z.string()),
  safety_identifier: told(z.string()),
  max_tool_calls: told(z.int()),
});
export type ResponsesBody = z.infer<typeof responsesBodySchema>;

export const INCLUDES = { logprobs: 'message.output_text.logprobs', thinking: 'reasoning.encrypted_content' } as const;

/** Throws `invalid_input` for what would change the answer and is not done here. */
export function refuseTheImpossible({ background, conversation, prompt }: ResponsesBody): void {
  if (background === true) refuse('background', 'answers are not made in the background: leave it out, and stream');
  if (isGiven(conversation))
    refuse('conversation', 'conversations are not kept: send the items, or previous_response_id');
  if (isGiven(prompt)) refuse('prompt', 'prompt templates are not kept here: send the text');
}

/** `session`: what a header says of the conversation; requests of one conversation meet a warm cache. */
export function chatOf(
  body: ResponsesBody,
  items: readonly PlacedItem[],
  toolbox: Toolbox,
  session: string | undefined,
): ChatRequest {
  const messages = messagesOf(body.instructions ?? '', items);
  if (messages.length === 0) refuse('input', 'there is nothing to answer to');
  return {
    model: body.model,
    messages,
    ...offer(toolbox, body.tool_choice),
    ...given('temperature', body.temperature),
    ...given('topP', body.top_p),
    ...given('maxTokens', body.max_output_tokens),
    ...given('parallelToolCalls', toolbox.definitions.length === 0 ? undefined : body.parallel_tool_calls),
    ...given('responseFormat', formatOf(body.text?.format)),
    ...given('thinking', thinkingOf(body.reasoning?.effort)),
    ...given('logprobs', body.include?.includes(INCLUDES.logprobs) === true ? (body.top_logprobs ?? 0) : undefined),
    ...given('affinity', body.prompt_cache_key?.slice(0, KEY_CHARACTERS) ?? session),
  };
}

function given<Name extends string, Value>(name: Name, value: Value | null | undefined): { [Key in Name]?: Value } {
  const field: { [Key in Name]?: Value } = {};
  if (value !== null && value !== undefined) field[name] = value;
  return field;
}

function formatOf(wanted: z.infer<typeof format> | null | undefined): ResponseFormat | undefined {
  if (wanted === undefined || wanted === null || wanted.type === 'text') return undefined;
  if (wanted.type === 'json_object') return { type: 'json' };
  const { name, schema, strict } = wanted;
  return { type: 'json_schema', name, schema: schema as JsonObject, ...given('strict', strict) };
}

/** An effort of a later day is the model's own choice. */
function thinkingOf(wanted: string | null | undefined): Thinking | undefined {
  const effort = EFFORTS.find((known) => known === wanted);
  return effort === undefined ? undefined : { effort };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function refuse(field: string, why: string): never {
  throw new CaissonError('invalid_input', `${field}: ${why}`, { place: { field } });
}
