// Owns the Anthropic form of an answer, whole or streamed. Knows no engine and no connection.
import type { ModelErrorEvent, Usage } from '../../contracts/model-events.ts';
import { type AnswerSoFar, type CallSoFar, cut, type EndReason } from '../answer.ts';
import type { StreamEncoder } from '../stream.ts';
import { createBlocks, encodeEvent, type Shown } from './blocks.ts';
import { estimateText } from './estimate.ts';
import { hiddenSignature, SHOWN_SIGNATURE } from './signature.ts';

export interface Envelope {
  /** Distinct for each answer: clients glue answers of one id together. */
  readonly id: string;
  /** The one that answers. */
  model: string;
  readonly thinking: Shown;
  /** Those of the request. */
  readonly stopSequences: readonly string[];
  /** Tokens of the prompt, where the engine does not count. */
  readonly estimate: () => number;
  /** The body that tells of an error. */
  readonly errorBody: (event: ModelErrorEvent) => object;
}

/**
 * The stream of named events. Most engines count at the end: the beginning tells a guess at the prompt then, for clients that look
 * nowhere else, and the end what was counted.
 */
export function messagesEncoder(envelope: Envelope): StreamEncoder {
  const blocks = createBlocks(envelope.thinking);
  let counted: Usage | undefined;
  return {
    open: () => {
      const { promptTokens, cachedTokens = 0 } = counted ?? { promptTokens: envelope.estimate() };
      const message = emptyMessage(envelope, { promptTokens, cachedTokens, completionTokens: 0 });
      return `${encodeEvent('message_start', { message })}${PING}`;
    },
    event: (event, taken) => {
      if (event.type === 'usage') counted = event;
      return blocks.take(event, taken);
    },
    keepAlive: () => PING,
    close: (answer, finish) => {
      const delta = stopOf(answer, finish, envelope.stopSequences);
      const usage = encodeUsage(countedOf(answer, envelope));
      return `${blocks.rest()}${encodeEvent('message_delta', { delta, usage })}${encodeEvent('message_stop', {})}`;
    },
    failure: (event) => `event: error\ndata: ${JSON.stringify(envelope.errorBody(event))}\n\n`,
  };
}

const PING = encodeEvent('ping', {});

/** The whole answer as one object. Throws `EngineError` for a call whose arguments are no object: it must not be run. */
export function messageOf(envelope: Envelope, answer: AnswerSoFar, finish: EndReason): object {
  const usage = countedOf(answer, envelope);
  return {
    ...emptyMessage(envelope, usage),
    content: contentOf(answer, envelope.thinking),
    ...stopOf(answer, finish, envelope.stopSequences),
  };
}

function emptyMessage({ id, model }: Envelope, usage: Usage): object {
  return {
    id,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: encodeUsage(usage),
  };
}

function contentOf({ reasoning, text, calls }: AnswerSoFar, shown: Shown): readonly object[] {
  return [
    ...(reasoning === '' || shown === 'none' ? [] : [thinkingBlock(reasoning, shown)]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...[...calls.values()].map((call) => ({ type: 'tool_use', id: call.id, name: call.name, input: inputOf(call) })),
  ];
}

function thinkingBlock(reasoning: string, shown: Shown): object {
  return shown === 'omitted'
    ? { type: 'thinking', thinking: '', signature: hiddenSignature(reasoning) }
    : { type: 'thinking', thinking: reasoning, signature: SHOWN_SIGNATURE };
}

function inputOf({ name, arguments: text }: CallSoFar): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    throw cut(`the arguments of the tool call ${JSON.stringify(name)} are not valid JSON`);
  }
}

/** Why the answer ended, in the words of the dialect. */
function stopOf({ stop, calls }: AnswerSoFar, finish: EndReason, stopSequences: readonly string[]): object {
  const because = (reason: string) => ({ stop_reason: reason, stop_sequence: null });
  if (finish === 'length') return because('max_tokens');
  if (finish === 'content_filter')
    return { ...because('refusal'), stop_details: { type: 'refusal', category: null, explanation: null } };
  // Without a call to run, a client would wait for itself.
  if (finish === 'tool_calls') return because(calls.size > 0 ? 'tool_use' : 'end_turn');
  if (stop !== undefined && stopSequences.includes(stop)) return { stop_reason: 'stop_sequence', stop_sequence: stop };
  return because('end_turn');
}

function countedOf({ usage, text, reasoning, calls }: AnswerSoFar, { estimate }: Envelope): Usage {
  if (usage !== undefined) return usage;
  const written = [...calls.values()].map((call) => `${call.name}${call.arguments}`).join('');
  return { promptTokens: estimate(), completionTokens: estimateText(`${reasoning}${text}${written}`) };
}

/** `input_tokens` are only those that no cache held. */
function encodeUsage({ promptTokens, completionTokens, cachedTokens = 0, reasoningTokens }: Usage): object {
  return {
    input_tokens: Math.max(0, promptTokens - cachedTokens),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
    ...(reasoningTokens === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  };
}
