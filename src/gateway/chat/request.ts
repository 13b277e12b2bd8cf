// Owns how an OpenAI chat request becomes ours. Knows no HTTP and no engine.
import type { JsonObject } from '../../base/json.ts';
import type { ChatRequest, ResponseFormat, Thinking } from '../../contracts/messages.ts';
import { given } from './given.ts';
import { messagesOf } from './messages.ts';
import { type ChatBody, chatBodySchema, type GivenFormat } from './schema.ts';
import { toolsOf } from './tools.ts';

const AFFINITY_CHARACTERS = 512;

/** Each effort that a client may name; others are no wish that we know. */
const EFFORTS: ReadonlyMap<string, NonNullable<Thinking['effort']>> = new Map([
  ['none', 'none'],
  ['minimal', 'minimal'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'xhigh'],
  ['max', 'xhigh'],
]);

/**
 * `session`: what a header says of the conversation; requests of one conversation meet a warm cache.
 * Throws `invalid_input` for an image without an address and for the choice of a tool that is not offered.
 */
export function chatRequestOf(body: ChatBody, session: string | undefined): ChatRequest {
  return {
    model: body.model,
    messages: messagesOf(body.messages),
    ...toolsOf(body),
    ...settingsOf(body, session),
    ...given('maxTokens', body.max_completion_tokens ?? body.max_tokens),
    ...given('responseFormat', formatOf(body.response_format)),
    ...given('thinking', thinkingOf(body)),
    ...given('logprobs', logprobsOf(body)),
    ...given('extra', furtherOf(body, KNOWN)),
  };
}

export type Settings = Pick<
  ChatBody,
  'temperature' | 'top_p' | 'top_k' | 'presence_penalty' | 'frequency_penalty' | 'stop' | 'seed' | 'prompt_cache_key'
>;

/** What a request for a plain text can say too. */
export function settingsOf(body: Settings, session: string | undefined): Partial<ChatRequest> {
  const stop = (typeof body.stop === 'string' ? [body.stop] : (body.stop ?? [])).filter((text) => text !== '');
  return {
    ...given('temperature', body.temperature),
    ...given('topP', body.top_p),
    ...given('topK', body.top_k),
    ...given('presencePenalty', body.presence_penalty),
    ...given('frequencyPenalty', body.frequency_penalty),
    ...given('stop', stop.length === 0 ? undefined : stop),
    ...given('seed', body.seed),
    ...given('affinity', body.prompt_cache_key?.slice(0, AFFINITY_CHARACTERS) ?? session),
  };
}

/** Fields that nobody here knows, for an engine that may: as they are. Undefined if there are none. */
export function furtherOf(body: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): JsonObject | undefined {
  const further = Object.entries(body).filter(([name, value]) => !known.has(name) && value !== null);
  return further.length === 0 ? undefined : (Object.fromEntries(further) as JsonObject);
}

/** The request, once for each choice: with the same seed all would be the same. */
export function choicesOf(chat: ChatRequest, count: number): readonly [ChatRequest, ...ChatRequest[]] {
  const { seed } = chat;
  const others = Array.from({ length: count - 1 }, (_, index) =>
    seed === undefined ? chat : { ...chat, seed: seed + index + 1 },
  );
  return [chat, ...others];
}

const KNOWN: ReadonlySet<string> = new Set(Object.keys(chatBodySchema.shape));

function formatOf(wanted: GivenFormat | null | undefined): ResponseFormat | undefined {
  if (wanted === undefined || wanted === null) return undefined;
  if (!('json_schema' in wanted)) return wanted.type === 'text' ? undefined : { type: 'json' };
  const { name, schema, strict } = wanted.json_schema;
  return { type: 'json_schema', name: name ?? 'answer', schema: schema as JsonObject, ...given('strict', strict) };
}

/** One wish in the words of several dialects: the first that is there holds. */
function thinkingOf(body: ChatBody): Thinking | undefined {
  const { reasoning: wished, thinking } = body;
  const reasoning = wished ?? {};
  const wish: Thinking = {
    ...given('enabled', switchOf(thinking?.type) ?? body.enable_thinking ?? reasoning.enabled),
    ...given('effort', EFFORTS.get(body.reasoning_effort ?? reasoning.effort ?? '')),
    ...given('budgetTokens', budgetOf(body)),
  };
  return Object.keys(wish).length === 0 ? undefined : wish;
}

function budgetOf({ thinking_token_budget: budget, thinking, reasoning }: ChatBody): number | null | undefined {
  return budget ?? thinking?.budget_tokens ?? reasoning?.max_tokens;
}

function switchOf(type: string | undefined): boolean | undefined {
  return type === 'enabled' ? true : type === 'disabled' ? false : undefined;
}

function logprobsOf({ logprobs, top_logprobs: top }: ChatBody): number | undefined {
  return logprobs === true || (logprobs !== false && Boolean(top)) ? (top ?? 0) : undefined;
}
