// Owns the OpenAI form of an answer, whole or in chunks. Knows no stream and no engine.
import type { ModelEvent, TokenLogprob, ToolCallEvent, Usage } from '../../contracts/model-events.ts';
import { type AnswerSoFar, type CallSoFar, type EndReason, finishOf, type TakenCall } from '../answer.ts';
import { createFreeformText, type FreeformText, textOfCall } from '../freeform.ts';
import type { StreamEncoder } from '../stream.ts';
import type { Choices, Spoken } from './choices.ts';

export interface Envelope {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  /** The one that answers. */
  model: string;
}

/** What of the form of an answer a client has a say in. */
export interface Form {
  readonly includeUsage: boolean;
  /** One call at most, in the form that was before tools. */
  readonly functions: boolean;
  readonly showThinking: boolean;
  /** Names of the tools whose calls are told as text. */
  readonly freeform: ReadonlySet<string>;
  /** Where there are several answers. */
  readonly choices?: Choices;
}

/** The stream of chunks, closed by `[DONE]`. Several clients take only chunks for life, so silence is filled with empty ones. */
export function chatEncoder(envelope: Envelope, form: Form): StreamEncoder {
  const { includeUsage, choices } = form;
  const all = choices?.answers.map((_, index) => index) ?? [0];
  const texts: Texts = new WeakMap();
  return {
    open: () => all.map((index) => encodeDelta(envelope, index, { role: 'assistant', content: '' }, null)).join(''),
    event: (event, taken) => {
      const told: Spoken | undefined =
        choices === undefined ? { index: 0, taken, finish: undefined } : choices.spoken(event);
      return told === undefined ? '' : encodeEvent(envelope, { ...told, event, texts }, form);
    },
    keepAlive: () => encodeDelta(envelope, 0, {}, null),
    close: ({ usage }, finish) => {
      const account = includeUsage && usage !== undefined ? encodeUsage(envelope, usage) : '';
      const end = choices === undefined ? encodeDelta(envelope, 0, {}, wordOf(finish, form)) : '';
      return `${end}${account}${STREAM_END}`;
    },
    // Some clients end for good at an error in the stream, and all of them try again after a reset.
    failure: () => undefined,
  };
}

/** '' if the event has nothing to show. */
function encodeEvent(envelope: Envelope, told: Told, form: Form): string {
  const { event, index, finish } = told;
  if (finish !== undefined) return encodeDelta(envelope, index, {}, wordOf(finish, form));
  if (event.type === 'logprobs') return encodeDelta(envelope, index, {}, null, logprobsOf(event.tokens));
  const delta = deltaOf(told, form);
  return delta === undefined ? '' : encodeDelta(envelope, index, delta, null);
}

/** The calls of freeform tools that are under way. */
type Texts = WeakMap<CallSoFar, FreeformText>;

interface Told extends Spoken {
  readonly event: ModelEvent;
  readonly texts: Texts;
}

/** Undefined if the event has none. */
function deltaOf({ event, taken, texts }: Told, form: Form): object | undefined {
  if (event.type === 'text') return { content: event.text };
  // Engines differ in the name of this field, and clients read one or the other.
  if (event.type === 'reasoning') return form.showThinking ? { reasoning_content: event.text } : undefined;
  if (event.type !== 'tool_call' || taken === undefined) return undefined;
  if (form.freeform.has(taken.call.name)) return customDelta(event, taken, texts);
  return callDelta(event.arguments ?? '', taken, form);
}

function customDelta({ arguments: json = '', complete }: ToolCallEvent, { call, first }: TakenCall, texts: Texts) {
  const text = texts.get(call) ?? createFreeformText();
  texts.set(call, text);
  const input = `${text.take(json)}${complete ? text.end() : ''}`;
  if (!first && input === '') return undefined;
  const { position: index, id, name } = call;
  return {
    tool_calls: [first ? { index, id, type: 'custom', custom: { name, input } } : { index, custom: { input } }],
  };
}

function callDelta(text: string, { call, first }: TakenCall, { functions }: Form): object | undefined {
  const { position: index, id, name } = call;
  if (!first && text === '') return undefined;
  const called = first ? { name, arguments: text } : { arguments: text };
  if (functions) return index === 0 ? { function_call: called } : undefined;
  return { tool_calls: [first ? { index, id, type: 'function', function: called } : { index, function: called }] };
}

function wordOf(finish: EndReason, { functions }: Form): string {
  return functions && finish === 'tool_calls' ? 'function_call' : finish;
}

function encodeDelta(
  envelope: Envelope,
  index: number,
  delta: object,
  finish: string | null,
  logprobs: object | null = null,
): string {
  return encode(envelope, { choices: [{ index, delta, logprobs, finish_reason: finish }] });
}

function encodeUsage(envelope: Envelope, usage: Usage): string {
  return encode(envelope, { choices: [], usage: usageOf(usage) });
}

function logprobsOf(tokens: readonly TokenLogprob[]): object {
  const content = tokens.map(({ token, logprob, bytes, top }) => ({ token, logprob, bytes, top_logprobs: top }));
  return { content, refusal: null };
}

const STREAM_END = 'data: [DONE]\n\n';

/** The whole answer, or all of them, as one object. */
export function completionOf(envelope: Envelope, answer: AnswerSoFar, form: Form): object {
  const answers = form.choices?.answers ?? [answer];
  const { usage } = answer;
  return {
    ...envelope,
    object: 'chat.completion',
    choices: answers.map((one, index) => choiceOf(one, index, form)),
    ...(usage === undefined ? {} : { usage: usageOf(usage) }),
  };
}

function choiceOf(answer: AnswerSoFar, index: number, form: Form): object {
  const { text, reasoning, calls, logprobs } = answer;
  const toolCalls = [...calls.values()].map((call) => toolCallOf(call, form));
  const message = {
    role: 'assistant',
    content: text === '' && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === '' || !form.showThinking ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : callsOf(toolCalls, form)),
  };
  return {
    index,
    message,
    logprobs: logprobs.length === 0 ? null : logprobsOf(logprobs),
    finish_reason: wordOf(finishOf(answer), form),
  };
}

function toolCallOf({ id, name, arguments: given }: CallSoFar, { freeform }: Form) {
  if (freeform.has(name)) return { id, type: 'custom', custom: { name, input: textOfCall(given) } } as const;
  return { id, type: 'function', function: { name, arguments: given } } as const;
}

function callsOf(calls: readonly ReturnType<typeof toolCallOf>[], { functions }: Form): object {
  const [first] = calls;
  return functions && first?.type === 'function' ? { function_call: first.function } : { tool_calls: calls };
}

function encode({ id, created, model }: Envelope, rest: object): string {
  return `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...rest })}\n\n`;
}

export function usageOf({ promptTokens, completionTokens, cachedTokens, reasoningTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}
