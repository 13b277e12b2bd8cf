// Owns how a request in Anthropic's dialect becomes ours. Knows no HTTP and no engine.
import type { ChatRequest, ResponseFormat, Thinking } from '../../contracts/messages.ts';
import { DetailedError } from '../errors.ts';
import type { MessagesBody } from './schema.ts';
import { isOneByOne, toolChoiceOf, toolsOf } from './tools.ts';
import { messagesOf } from './turns.ts';

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
 * Throws `invalid_input` for a choice of a tool that is not there, and for a conversation that only the server would know.
 */
export function chatRequestOf(body: MessagesBody, session: string | undefined): ChatRequest {
  refuseThread(body);
  const tools = toolsOf(body);
  const stop = body.stop_sequences?.filter((text) => text !== '') ?? [];
  return {
    model: body.model,
    messages: messagesOf(body),
    // Engines refuse an empty list of tools.
    ...given('tools', tools.length === 0 ? undefined : tools),
    ...given('toolChoice', toolChoiceOf(body, tools)),
    ...given('parallelToolCalls', isOneByOne(body) ? false : undefined),
    ...given('temperature', body.temperature),
    ...given('topP', body.top_p),
    ...given('topK', body.top_k),
    ...given('maxTokens', body.max_tokens),
    ...given('stop', stop.length === 0 ? undefined : stop),
    ...given('thinking', thinkingOf(body)),
    ...given('responseFormat', formatOf(body)),
    ...given('affinity', session ?? body.metadata?.user_id?.slice(0, AFFINITY_CHARACTERS)),
  };
}

/** How the thinking of the answer is shown. Models that think do so unless they are told not to, as engines have it. */
export function shownThinking({ thinking }: MessagesBody): 'whole' | 'omitted' | 'none' {
  if (thinking?.type === 'disabled') return 'none';
  return thinking?.display === 'omitted' ? 'omitted' : 'whole';
}

/**
 * The turn alone, without what went before, would be answered as if it was all. By these details Anthropic's clients know that they
 * must send the whole conversation.
 */
function refuseThread({ thread }: MessagesBody): void {
  if (thread === undefined || thread === null) return;
  const message = 'thread: no conversation is held here: send all of its messages, without a thread';
  throw new DetailedError('invalid_input', message, { error_code: 'thread_unsupported_request', unsupported: [] });
}

function given<Name extends string, Value>(name: Name, value: Value | null | undefined): { [Key in Name]?: Value } {
  const field: { [Key in Name]?: Value } = {};
  if (value !== null && value !== undefined) field[name] = value;
  return field;
}

/** `adaptive` leaves it to the model. */
function thinkingOf({ thinking, output_config: config }: MessagesBody): Thinking | undefined {
  if (thinking?.type === 'disabled') return { enabled: false };
  const wish: Thinking = {
    ...(thinking?.type === 'enabled' ? { enabled: true } : {}),
    ...(thinking?.type === 'enabled' ? given('budgetTokens', thinking.budget_tokens) : {}),
    ...given('effort', EFFORTS.get(config?.effort ?? '')),
  };
  return Object.keys(wish).length === 0 ? undefined : wish;
}

function formatOf({ output_config: config, output_format: format }: MessagesBody): ResponseFormat | undefined {
  const wanted = config?.format ?? format;
  return wanted ? { type: 'json_schema', name: 'answer', schema: wanted.schema } : undefined;
}
