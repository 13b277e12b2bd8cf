// Owns the form of an OpenAI chat request, as loose as clients are. Fields that are not here are kept as they came. Knows no meaning.
import { z } from 'zod';

/** Meant to be left out where it is null or of another type: no answer hangs on it. */
const loose = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().catch(null);

/** Which parts there are is for the reader of the message: clients have more of them than any list. */
const part = z.looseObject({ type: z.string() });
export type Part = z.infer<typeof part>;

const content = z.union([z.string(), z.array(part)], 'expected text or a list of parts, each with a type');
export type Content = z.infer<typeof content>;

const argumentsText = z.union([z.string(), z.record(z.string(), z.unknown())], 'expected JSON text');
const calledFunction = z.object({ name: z.string(), arguments: argumentsText.nullish() });
export type CalledFunction = z.infer<typeof calledFunction>;

/** Two kinds of one thing; without a type it is a function. */
function ofKind<Function extends z.ZodType, Custom extends z.ZodType>(
  what: string,
  { own, custom }: { readonly own: Function; readonly custom: Custom },
) {
  const kinds = [
    z.object({ id: z.string().nullish(), type: z.literal('function'), function: own }),
    z.object({ id: z.string().nullish(), type: z.literal('custom'), custom }),
  ] as const;
  const message = `only ${what} of type function and custom are known here`;
  return z.preprocess(withType, z.discriminatedUnion('type', kinds, message));
}

function withType(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('function' in value)) return value;
  const { type } = value as { readonly type?: unknown };
  return type === undefined || type === null ? { ...value, type: 'function' } : value;
}

const toolCall = ofKind('calls', { own: calledFunction, custom: z.object({ name: z.string(), input: z.string() }) });
export type GivenCall = z.infer<typeof toolCall>;

const assistant = z.object({
  role: z.literal('assistant'),
  content: content.nullish(),
  refusal: loose(z.string()),
  reasoning: loose(z.string()),
  reasoning_content: loose(z.string()),
  tool_calls: z.array(toolCall).nullish(),
  function_call: calledFunction.nullish(),
});
export type GivenAnswer = z.infer<typeof assistant>;

const message = z.discriminatedUnion(
  'role',
  [
    z.object({ role: z.enum(['system', 'developer']), content: content.nullish() }),
    z.object({ role: z.literal('user'), content }),
    assistant,
    z.object({ role: z.literal('tool'), tool_call_id: z.string().nullish(), content: content.nullish() }),
    z.object({ role: z.literal('function'), name: z.string(), content: content.nullish() }),
  ],
  'expected a message with the role system, developer, user, assistant or tool',
);
export type GivenMessage = z.infer<typeof message>;

const definition = z.object({
  name: z.string().min(1),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: loose(z.boolean()),
});
export type Definition = z.infer<typeof definition>;

const customDefinition = z.object({
  name: z.string().min(1),
  description: z.string().nullish(),
  format: z
    .discriminatedUnion(
      'type',
      [
        z.object({ type: z.literal('text') }),
        z.object({
          type: z.literal('grammar'),
          grammar: z.object({ definition: z.string(), syntax: loose(z.string()) }),
        }),
      ],
      'expected a format of type text or grammar',
    )
    .nullish(),
});
export type CustomDefinition = z.infer<typeof customDefinition>;

const tool = ofKind('tools', { own: definition, custom: customDefinition });
export type GivenTool = z.infer<typeof tool>;

const named = z.object({ name: z.string() });
const byName = ofKind('tools', { own: named, custom: named });
export type NamedTool = z.infer<typeof byName>;
const allowed = z.object({
  type: z.literal('allowed_tools'),
  allowed_tools: z.object({ mode: z.enum(['auto', 'required']), tools: z.array(byName) }),
});
const toolChoice = z.union(
  [
    z.enum(['auto', 'none', 'required', 'any']),
    z.object({ type: z.enum(['auto', 'none', 'required', 'any']) }),
    byName,
    allowed,
  ],
  'expected auto, none, required, a tool by name, or allowed_tools',
);
export type GivenChoice = z.infer<typeof toolChoice>;

const responseFormat = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.enum(['text', 'json_object']) }),
    z.object({
      type: z.literal('json_schema'),
      json_schema: z.object({
        name: z.string().nullish(),
        schema: z.record(z.string(), z.unknown()),
        strict: loose(z.boolean()),
      }),
    }),
  ],
  'expected a format of type text, json_object or json_schema',
);
export type GivenFormat = z.infer<typeof responseFormat>;

/** Requests of one client to the engine at once. */
export const MOST_CHOICES = 16;

/** The settings that a request for a plain text has too. */
export const settingsShape = {
  model: z.string().min(1),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  max_tokens: z.int().min(1).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  seed: z.int().nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  stream: z.boolean().nullish(),
  stream_options: loose(z.object({ include_usage: z.boolean().nullish() })),
  prompt_cache_key: loose(z.string()),
  /** Asked where nobody can be asked for the model. */
  fallback_model: z.string().max(256).nullish(),
} as const;

export const chatBodySchema = z.looseObject({
  ...settingsShape,
  messages: z.array(message).min(1),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  functions: z.array(definition).nullish(),
  function_call: z.union([z.enum(['auto', 'none']), named], 'expected auto, none or a function by name').nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  response_format: responseFormat.nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(20).nullish(),
  reasoning_effort: loose(z.string()),
  reasoning: loose(
    z.object({
      effort: loose(z.string()),
      enabled: loose(z.boolean()),
      max_tokens: loose(z.int().min(1)),
      exclude: loose(z.boolean()),
    }),
  ),
  thinking: loose(z.object({ type: z.string(), budget_tokens: loose(z.int().min(1)) })),
  enable_thinking: loose(z.boolean()),
  thinking_token_budget: loose(z.int().min(1)),
});
export type ChatBody = z.infer<typeof chatBodySchema>;
