// Owns the OpenAI form of an answer, whole or in chunks. Knows no stream and no engine.
import type { ModelEvent, Usage } from '../../contracts/model-events.ts';
import type { AnswerSoFar, TakenCall } from '../answer.ts';
import type { StreamEncoder } from '../stream.ts';

export interface Envelope {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

/** The stream of chunks, closed by `[DONE]`. Several clients take only chunks for life, so silence is filled with empty ones. */
export function chatEncoder(envelope: Envelope, includeUsage: boolean): StreamEncoder {
  return {
    open: () => encodeDelta(envelope, { role: 'assistant', content: '' }, null),
    event: (event, taken) => {
      const delta = deltaOf(event, taken);
      return delta === undefined ? '' : encodeDelta(envelope, delta, null);
    },
    keepAlive: () => encodeDelta(envelope, {}, null),
    close: ({ usage }, finish) => {
      const account = includeUsage && usage !== undefined ? encodeUsage(envelope, usage) : '';
      return `${encodeDelta(envelope, {}, finish)}${account}${STREAM_END}`;
    },
    // Some clients end for good at an error in the stream, and all of them try again after a reset.
    failure: () => undefined,
  };
}

/** Undefined if the event has none. */
function deltaOf(event: ModelEvent, taken: TakenCall | undefined): object | undefined {
  if (event.type === 'text') return { content: event.text };
  // Engines differ in the name of this field, and clients read one or the other.
  if (event.type === 'reasoning') return { reasoning_content: event.text };
  if (event.type !== 'tool_call' || taken === undefined) return undefined;
  const { position: index, id, name } = taken.call;
  const text = event.arguments ?? '';
  if (taken.first) return { tool_calls: [{ index, id, type: 'function', function: { name, arguments: text } }] };
  return text === '' ? undefined : { tool_calls: [{ index, function: { arguments: text } }] };
}

function encodeDelta(envelope: Envelope, delta: object, finish: string | null): string {
  return encode(envelope, { choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
}

function encodeUsage(envelope: Envelope, usage: Usage): string {
  return encode(envelope, { choices: [], usage: usageOf(usage) });
}

const STREAM_END = 'data: [DONE]\n\n';

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
