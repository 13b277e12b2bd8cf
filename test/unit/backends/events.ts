// Owns short words for model events and requests in tests of backends.
import type { ChatRequest, Message } from '../../../src/contracts/messages.ts';
import type { FinishReason, ModelErrorEvent, ModelEvent } from '../../../src/contracts/model-events.ts';

export const think = (text: string): ModelEvent => ({ type: 'reasoning', text });
export const say = (text: string): ModelEvent => ({ type: 'text', text });
export const begin = (index: number, id: string, name: string, text?: string): ModelEvent => ({
  type: 'tool_call',
  index,
  id,
  name,
  ...(text === undefined ? {} : { arguments: text }),
  complete: false,
});
export const more = (index: number, text: string): ModelEvent => ({
  type: 'tool_call',
  index,
  arguments: text,
  complete: false,
});
export const whole = (index: number): ModelEvent => ({ type: 'tool_call', index, complete: true });
export const used = (promptTokens: number, completionTokens: number): ModelEvent => ({
  type: 'usage',
  promptTokens,
  completionTokens,
});
export const finish = (reason: FinishReason): ModelEvent => ({ type: 'finish', reason });
export const failed = (message: string, retryable = true): ModelErrorEvent => ({
  type: 'error',
  code: 'backend_failed',
  message,
  retryable,
});

export const BASH = {
  name: 'bash',
  description: 'Run a command.',
  parameters: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
};
export const PING = { name: 'ping', description: 'Say that you are here.', parameters: { type: 'object' } };

export function requestOf(messages: readonly Message[], more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: 'm', messages, ...more };
}

export const HELLO = requestOf([{ role: 'user', content: 'hello' }], { tools: [BASH, PING] });

export async function gather(events: AsyncIterable<ModelEvent>): Promise<ModelEvent[]> {
  const all: ModelEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** Never aborts. */
export const patient = (): AbortSignal => new AbortController().signal;
