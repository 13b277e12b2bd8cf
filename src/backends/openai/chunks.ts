// Owns the reading of a streamed chat answer, chunk by chunk, with the differences between engines undone. Knows no connection.
import { z } from 'zod';
import type { FinishReason, ModelEvent, Usage } from '../../contracts/model-events.ts';

const nullish = <Schema extends z.ZodType>(schema: Schema) => schema.nullish();
const callDelta = z.looseObject({
  index: nullish(z.int()),
  id: nullish(z.string()),
  function: nullish(z.looseObject({ name: nullish(z.string()), arguments: nullish(z.string()) })),
});
const chunkSchema = z.looseObject({
  error: z.unknown().optional(),
  choices: nullish(
    z.array(
      z.looseObject({
        delta: nullish(
          z.looseObject({
            content: nullish(z.string()),
            reasoning: nullish(z.string()),
            reasoning_content: nullish(z.string()),
            tool_calls: nullish(z.array(callDelta)),
          }),
        ),
        finish_reason: nullish(z.string()),
      }),
    ),
  ),
  usage: nullish(
    z.looseObject({
      prompt_tokens: z.number(),
      completion_tokens: nullish(z.number()),
      prompt_tokens_details: nullish(z.looseObject({ cached_tokens: nullish(z.number()) })),
      completion_tokens_details: nullish(z.looseObject({ reasoning_tokens: nullish(z.number()) })),
    }),
  ),
});
type Chunk = z.infer<typeof chunkSchema>;
type CallDelta = z.infer<typeof callDelta>;

interface OpenCall {
  readonly index: number;
  arguments: string;
}

export interface ChunkReader {
  /** Events of one chunk; an `error` event is the last of all. */
  take(value: unknown): readonly ModelEvent[];
  /** What the end of the stream means: the calls that turned out whole, usage and finish, or an error if it was cut. */
  end(): readonly ModelEvent[];
  /** Characters of text, thinking and arguments so far. */
  size(): number;
}

const FINISHES: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
  abort: 'abort',
};

export function createChunkReader(): ChunkReader {
  const calls: OpenCall[] = [];
  let finish: FinishReason | undefined;
  let usage: Usage | undefined;
  let thinking = '';
  let size = 0;

  const takeText = (text: string): readonly ModelEvent[] => {
    // Some engines send a blank line behind the calls.
    if (text === '' || (calls.length > 0 && text.trim() === '')) return [];
    size += text.length;
    return [{ type: 'text', text }];
  };
  const takeThinking = (text: string): readonly ModelEvent[] => {
    if (text === '') return [];
    thinking += text;
    size += text.length;
    return [{ type: 'reasoning', text }];
  };
  const takeCall = (delta: CallDelta): readonly ModelEvent[] => {
    const { call, isNew } = callOf(calls, delta);
    const text = delta.function?.arguments ?? '';
    call.arguments += text;
    size += text.length;
    const first = isNew ? { id: delta.id ?? `call_${call.index}`, name: delta.function?.name ?? '' } : {};
    const fragment = text === '' ? {} : { arguments: text };
    if (!isNew && text === '') return [];
    return [{ type: 'tool_call', index: call.index, ...first, ...fragment, complete: false }];
  };

  return {
    take: (value) => {
      const parsed = chunkSchema.safeParse(value);
      if (!parsed.success) return [garbage(value)];
      const chunk = parsed.data;
      if (chunk.error !== undefined && chunk.error !== null) return [engineError(chunk.error)];
      usage = usageOf(chunk) ?? usage;
      const [choice] = chunk.choices ?? [];
      const delta = choice?.delta ?? {};
      const reason = choice?.finish_reason ?? undefined;
      const content = delta.content ?? '';
      // With the last chunk an engine may repeat all of the thinking as text.
      const isRepeat = reason !== undefined && content !== '' && content === thinking;
      const events = [
        ...takeThinking(delta.reasoning ?? delta.reasoning_content ?? ''),
        ...(isRepeat ? [] : takeText(content)),
        ...(delta.tool_calls ?? []).flatMap(takeCall),
      ];
      if (reason !== undefined) finish = FINISHES[reason] ?? 'stop';
      return events;
    },
    end: () => endEvents(calls, finish, usage),
    size: () => size,
  };
}

/** By its index; without one, a new id or name begins a call and anything else goes on with the last. */
function callOf(calls: OpenCall[], delta: CallDelta): { readonly call: OpenCall; readonly isNew: boolean } {
  const last = calls.at(-1);
  const begins = (delta.id ?? '') !== '' || (delta.function?.name ?? '') !== '';
  const index = delta.index ?? (last === undefined || begins ? calls.length : last.index);
  const known = calls.find((call) => call.index === index);
  if (known !== undefined) return { call: known, isNew: false };
  const call = { index, arguments: '' };
  calls.push(call);
  return { call, isNew: true };
}

function endEvents(
  calls: readonly OpenCall[],
  finish: FinishReason | undefined,
  usage: Usage | undefined,
): readonly ModelEvent[] {
  if (finish === undefined)
    return [
      { type: 'error', code: 'backend_failed', message: 'the engine ended its answer in the middle', retryable: true },
    ];
  if (finish === 'abort')
    return [
      {
        type: 'error',
        code: 'backend_failed',
        message: 'the engine broke the answer off (it is stopping, or preempted it)',
        retryable: true,
      },
    ];
  const whole = calls.filter((call, index) => isWhole(call, finish, index === calls.length - 1));
  const reason = calls.length > 0 && finish === 'stop' ? 'tool_calls' : finish;
  return [
    ...whole.map((call): ModelEvent => ({ type: 'tool_call', index: call.index, complete: true })),
    ...(usage === undefined ? [] : [{ type: 'usage' as const, ...usage }]),
    { type: 'finish', reason },
  ];
}

/** Arguments that are no JSON object were cut, whatever the engine says of the end; so was the last call of an answer that was too long. */
function isWhole(call: OpenCall, finish: FinishReason, isLast: boolean): boolean {
  if (finish === 'length' && isLast) return false;
  if (call.arguments.trim() === '') return true;
  try {
    const value: unknown = JSON.parse(call.arguments);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function usageOf({ usage }: Chunk): Usage | undefined {
  if (usage === undefined || usage === null) return undefined;
  const cachedTokens = usage.prompt_tokens_details?.cached_tokens;
  const reasoningTokens = usage.completion_tokens_details?.reasoning_tokens;
  return {
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens ?? 0,
    ...(typeof cachedTokens === 'number' ? { cachedTokens } : {}),
    ...(typeof reasoningTokens === 'number' ? { reasoningTokens } : {}),
  };
}

function engineError(error: unknown): ModelEvent {
  const message =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : JSON.stringify(error);
  return {
    type: 'error',
    code: 'backend_failed',
    message: `the engine failed: ${message.slice(0, 400)}`,
    retryable: true,
  };
}

function garbage(value: unknown): ModelEvent {
  const shown = JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
  return {
    type: 'error',
    code: 'backend_garbage',
    message: `the endpoint sent what is no chat chunk: ${shown}`,
    retryable: false,
  };
}
