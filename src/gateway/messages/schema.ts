// Owns the form of a request in Anthropic's dialect: what of it we take. Fields that are not here are ignored. Knows no engine.
import { z } from 'zod';
import type { JsonObject } from '../../base/json.ts';

const textBlock = z.object({ type: z.literal('text'), text: z.string() });
const imageBlock = z.object({
  type: z.literal('image'),
  source: z.discriminatedUnion(
    'type',
    [
      z.object({ type: z.literal('base64'), media_type: z.string().max(128), data: z.string() }),
      z.object({ type: z.literal('url'), url: z.string() }),
    ],
    'expected a source of type base64 or url',
  ),
});
const documentBlock = z.object({
  type: z.literal('document'),
  title: z.string().nullish(),
  source: z.looseObject({ type: z.string() }),
});
const searchResultBlock = z.object({
  type: z.literal('search_result'),
  title: z.string().nullish(),
  source: z.string().nullish(),
  content: z.unknown().optional(),
});
const toolReferenceBlock = z.object({ type: z.literal('tool_reference'), tool_name: z.string() });
/** Of a kind that we do not know: only its text is kept. */
const otherBlock = z.object({ type: z.literal('other'), text: z.string() });

const PARTS = [textBlock, imageBlock, documentBlock, searchResultBlock, toolReferenceBlock, otherBlock] as const;
const part = z.discriminatedUnion('type', PARTS);
export type Part = z.infer<typeof part>;
const PART_TYPES: readonly string[] = PARTS.map(({ shape }) => shape.type.value);

const thinkingBlock = z.object({
  type: z.literal('thinking'),
  thinking: z.string(),
  signature: z.string().nullish(),
});
const toolUseBlock = z.object({
  type: z.literal('tool_use'),
  id: z.string().min(1),
  name: z.string().min(1),
  input: z.unknown().optional(),
});
const toolResultBlock = z.object({
  type: z.literal('tool_result'),
  tool_use_id: z.string().min(1),
  content: blocksOf(part, PART_TYPES),
  is_error: z.boolean().nullish(),
});
export type ToolResult = z.infer<typeof toolResultBlock>;

/** A tool that the client runs has a schema of its input; what has none is one of Anthropic's own servers, which are not here. */
const tool = z.preprocess(
  (value) => (isObject(value) ? { ...value, type: isServerTool(value) ? 'server' : 'custom' } : value),
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('server') }),
    z.object({
      type: z.literal('custom'),
      name: z.string().min(1),
      description: z.string().nullish(),
      input_schema: z.custom<JsonObject>(isObjectSchema, 'expected a JSON schema of type object'),
    }),
  ]),
);
export type Tool = z.infer<typeof tool>;

/** Tools may come and go in the middle of a conversation; those of other kinds are not ours to offer. */
const CHANGES: readonly string[] = ['tool_definition', 'tool_reference'];
const changedTool = z.preprocess(
  (value) => (isObject(value) && !CHANGES.includes(String(value['type'])) ? { type: 'other' } : value),
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('tool_definition'), definition: tool }),
    z.object({ type: z.literal('tool_reference'), name: z.string() }),
    z.object({ type: z.literal('other') }),
  ]),
);
const toolAdditionBlock = z.object({ type: z.literal('tool_addition'), tool: changedTool });
const toolRemovalBlock = z.object({ type: z.literal('tool_removal'), tool: changedTool });

const BLOCKS = [...PARTS, thinkingBlock, toolUseBlock, toolResultBlock, toolAdditionBlock, toolRemovalBlock] as const;
const block = z.discriminatedUnion('type', BLOCKS);
export type Block = z.infer<typeof block>;
const BLOCK_TYPES: readonly string[] = BLOCKS.map(({ shape }) => shape.type.value);

const message = z.object({
  role: z.enum(['user', 'assistant', 'system'], 'expected the role user, assistant or system'),
  content: blocksOf(block, BLOCK_TYPES),
  clear_at: z.string().nullish().catch(null),
});
export type Turn = z.infer<typeof message>;

const parallel = { disable_parallel_tool_use: z.boolean().nullish() };
const toolChoice = z.discriminatedUnion(
  'type',
  [
    z.object({ type: z.literal('auto'), ...parallel }),
    z.object({ type: z.literal('any'), ...parallel }),
    z.object({ type: z.literal('tool'), name: z.string(), ...parallel }),
    z.object({ type: z.literal('none') }),
  ],
  'expected the type auto, any, tool or none',
);

const format = z.object({
  type: z.literal('json_schema', 'expected the type json_schema'),
  schema: z.custom<JsonObject>(isObject, 'expected a JSON schema'),
});

/** What a client says of itself, or wishes and can do without, is never a reason to refuse its request. */
const lenient = <Schema extends z.ZodType>(schema: Schema) => schema.nullish().catch(null);

export const messagesBodySchema = z.object({
  model: z.string().min(1),
  messages: z.array(message).min(1),
  system: blocksOf(block, BLOCK_TYPES),
  tools: z.array(tool).nullish(),
  tool_choice: toolChoice.nullish(),
  max_tokens: z.int().min(1).nullish(),
  stop_sequences: z.array(z.string()).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  stream: z.boolean().nullish(),
  thinking: lenient(
    z.object({
      type: lenient(z.string()),
      budget_tokens: lenient(z.int().min(1)),
      display: lenient(z.string()),
    }),
  ),
  output_config: z.object({ effort: lenient(z.string()), format: format.nullish() }).nullish(),
  output_format: format.nullish(),
  /** A conversation that the server holds. */
  thread: z.unknown().optional(),
  fallback_model: z.string().max(256).nullish(),
  metadata: lenient(z.object({ user_id: lenient(z.string()) })),
});
export type MessagesBody = z.infer<typeof messagesBodySchema>;

/** A list of blocks; a text stands for one block of it, nothing for none. */
function blocksOf<Schema extends z.ZodType>(schema: Schema, known: readonly string[]) {
  return z.preprocess(
    (value) => {
      if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
      if (value === undefined || value === null) return [];
      return Array.isArray(value) ? value.map((item: unknown) => knownBlock(item, known)) : value;
    },
    z.array(schema, 'expected text or a list of content blocks'),
  );
}

function knownBlock(value: unknown, known: readonly string[]): unknown {
  if (!isObject(value) || typeof value['type'] !== 'string' || known.includes(value['type'])) return value;
  return { type: 'other', text: textWithin(value) };
}

/** The text that a value of an unknown kind holds, wherever such values hold it. */
export function textWithin(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) {
    const texts = value.map((item: unknown) => (isObject(item) ? textWithin(item) : ''));
    return texts.filter((text) => text !== '').join('\n');
  }
  if (!isObject(value)) return '';
  return typeof value['text'] === 'string' ? value['text'] : textWithin(value['content']);
}

function isServerTool(tool: Readonly<Record<string, unknown>>): boolean {
  const { type, input_schema: schema } = tool;
  return schema === undefined && typeof type === 'string' && type !== 'custom';
}

function isObjectSchema(value: unknown): boolean {
  return isObject(value) && (value['type'] === undefined || value['type'] === 'object');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
