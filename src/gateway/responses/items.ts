// Owns the schemas of what a Responses conversation is made of: items and their parts. Knows no message of ours.
import { z } from 'zod';
import { known } from './kinds.ts';
import { toolsSchema } from './tools.ts';

const text = z.object({
  type: z.enum(['input_text', 'output_text', 'text', 'reasoning_text', 'summary_text']),
  text: z.string(),
});
const refusal = z.object({ type: z.literal('refusal'), refusal: z.string() });
const image = z.object({
  type: z.literal('input_image'),
  image_url: z.string('only images by address or as a data address are taken here, not files by id'),
});
const file = z
  .object({ type: z.enum(['input_file', 'input_audio']) })
  .refine(() => false, 'files and sound are not taken here: send text or images');
const ignored = z.object({ type: z.literal('ignored') });

const part = z.preprocess(
  (value) => known(value, ['input_text', 'output_text', 'text', 'refusal', 'input_image', 'input_file', 'input_audio']),
  z.discriminatedUnion('type', [text, refusal, image, file, ignored], 'expected a part with a type'),
);
export type Part = z.infer<typeof part>;

const content = z.preprocess(asParts, z.array(part, 'expected text or a list of parts'));
const thought = z.array(z.object({ text: z.string() })).nullish();
const callId = z.string().min(1);

const item = z.preprocess(
  normalised,
  z.discriminatedUnion(
    'type',
    [
      z.object({
        type: z.literal('message'),
        role: z.enum(['system', 'developer', 'user', 'assistant']),
        content,
      }),
      z.object({
        type: z.literal('function_call'),
        call_id: callId,
        name: z.string().min(1),
        namespace: z.string().nullish(),
        arguments: z.string(),
      }),
      z.object({
        type: z.literal('custom_tool_call'),
        call_id: callId,
        name: z.string().min(1),
        namespace: z.string().nullish(),
        input: z.string(),
      }),
      z.object({ type: z.enum(['function_call_output', 'custom_tool_call_output']), call_id: callId, output: content }),
      z.object({ type: z.literal('reasoning'), summary: thought, content: thought }),
      z.object({ type: z.literal('item_reference'), id: z.string().min(1) }),
      z.object({ type: z.literal('additional_tools'), tools: toolsSchema }),
      ignored,
    ],
    'expected an item with a type or a role',
  ),
);
export type Item = z.infer<typeof item>;
export type CallItem = Extract<Item, { type: 'function_call' | 'custom_tool_call' }>;
export type ResultItem = Extract<Item, { type: 'function_call_output' | 'custom_tool_call_output' }>;

/** Items of kinds that are not known here come out as `ignored`. A text is one message of the user. */
export const itemsSchema = z.preprocess(
  (value) => (typeof value === 'string' ? [{ type: 'message', role: 'user', content: value }] : value),
  z.array(item, 'expected text or a list of items'),
);

const KNOWN_ITEMS: readonly string[] = [
  'message',
  'function_call',
  'custom_tool_call',
  'function_call_output',
  'custom_tool_call_output',
  'reasoning',
  'item_reference',
  'additional_tools',
];

/** Gives an item the type that it may leave out. */
function normalised(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ('type' in value && value.type !== null))
    return known(value, KNOWN_ITEMS);
  if ('role' in value) return { ...value, type: 'message' };
  return 'id' in value ? { ...value, type: 'item_reference' } : value;
}

/** Results that are neither text nor parts are given to the model as JSON. */
function asParts(value: unknown): unknown {
  if (value === null) return [];
  if (typeof value === 'string') return [{ type: 'text', text: value }];
  return typeof value === 'object' && !Array.isArray(value) ? [{ type: 'text', text: JSON.stringify(value) }] : value;
}
