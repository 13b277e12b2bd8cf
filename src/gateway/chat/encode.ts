// Owns the OpenAI form of an answer, whole or in chunks. Knows no stream and no engine.
import type { ModelEvent, Usage } from '../../contracts/model-events.ts';
import type { AnswerSoFar, CallSoFar } from './answer.ts';

export interface Envelope {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** Delta of an event, undefined if it has none. `first`: the event began the call. */
export function deltaOf(event: ModelEvent, call: CallSoFar | undefined, first: boolean): object | undefined {
  if (event.type === 'text') return { content: event.text };
  // Engines differ in the name of this field, and clients read one or the other.
  if (event.type === 'reasoning') return { reasoning_content: event.text };
  if (event.type !== 'tool_call' || call === undefined) return undefined;
  const { position: index, id, name } = call;
  const text = event.arguments ?? '';
  if (first) return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: text } }] };
  return text === '' ? undefined : { tool_calls: [{ index, function: { arguments: text } }] };
}

export function encodeDelta(envelope: Envelope, delta: object, finish: string | null): string {
  return encode(envelope, { choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
}

export function encodeUsage(envelope: Envelope, usage: Usage): string {
  return encode(envelope, { choices: [], usage: usageOf(usage) });
}

export const STREAM_END = 'data: [DONE]\n\n';

/** The whole answer as one object. */
export function completionOf(envelope: Envelope, answer: AnswerSoFar, finish: string): object {
  const { text, reasoning, calls, usage } = answer;
  const toolCalls = [...calls.values()].map(({ id, name, arguments: text }) => ({
    id,
    type: 'function',
    function: { name, arguments: text },
  }));
  const message = {
    role: 'assistant',
    content: text === '' && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
  };
  return {
    ...envelope,
    object: 'chat.completion',
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    ...(usage === undefined ? {} : { usage: usageOf(usage) }),
  };
}

function encode({ id, created, model }: Envelope, rest: object): string {
  return `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...rest })}\n\n`;
}

function usageOf({ promptTokens, completionTokens, cachedTokens, reasoningTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}
