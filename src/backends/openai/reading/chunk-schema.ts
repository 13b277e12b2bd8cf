// Owns the form of one chunk of a streamed chat answer, as loose as engines are. Knows no meaning.
import { type Late, late } from '../../../base/schema.ts';

/** A chunk has choices (possibly none), usage, or an error; without any of them it is something else. */
export const chunkSchema = late((z) => {
  const callDelta = z.looseObject({
    index: z.int().nullish(),
    id: z.string().nullish(),
    function: z
      .looseObject({
        name: z.string().nullish(),
        /** Text; some servers send the object itself. */
        arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
      })
      .nullish(),
  });
  const delta = z.looseObject({
    content: z.string().nullish(),
    reasoning: z.string().nullish(),
    reasoning_content: z.string().nullish(),
    tool_calls: z.array(callDelta).nullish(),
  });
  const usage = z.looseObject({
    prompt_tokens: z.number().nullish(),
    completion_tokens: z.number().nullish(),
    prompt_tokens_details: z.looseObject({ cached_tokens: z.number().nullish() }).nullish(),
    completion_tokens_details: z.looseObject({ reasoning_tokens: z.number().nullish() }).nullish(),
  });
  const choice = z.looseObject({
    index: z.int().nullish(),
    delta: delta.nullish(),
    finish_reason: z.string().nullish(),
  });

  return z
    .looseObject({ error: z.unknown().optional(), choices: z.array(choice).nullish(), usage: usage.nullish() })
    .refine((chunk) => 'choices' in chunk || 'usage' in chunk || 'error' in chunk, 'no chat chunk');
});

export type Chunk = Late<typeof chunkSchema>;
type Choice = NonNullable<Chunk['choices']>[number];
export type CallDelta = NonNullable<NonNullable<Choice['delta']>['tool_calls']>[number];
