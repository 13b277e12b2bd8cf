// Owns how an answer ends, whatever its kind: the reason, what it used, and what went wrong. Knows no text and no connection.
import type { FinishReason, ModelErrorEvent, ModelEvent, Usage } from '../../../contracts/model-events.ts';
import { meaningOf, saidOf } from '../meaning.ts';
import { printable } from '../printable.ts';
import type { ChunkUsage } from './chunk.ts';

const FINISHES: ReadonlyMap<string, FinishReason> = new Map([
  ['stop', 'stop'],
  ['length', 'length'],
  ['tool_calls', 'tool_calls'],
  ['function_call', 'tool_calls'],
  ['content_filter', 'content_filter'],
  ['abort', 'abort'],
  ['error', 'abort'],
]);
const SHOWN = 400;

/** Undefined for ''. A reason that nobody knows is a stop. */
export function finishReasonOf(text: string): FinishReason | undefined {
  return text === '' ? undefined : (FINISHES.get(text) ?? 'stop');
}

/** Told twice by engines that count from the first chunk on: who shows the size of the prompt early wants to know. */
export function usageEvents(usage: Usage | undefined): readonly ModelEvent[] {
  return usage === undefined ? [] : [{ type: 'usage', ...usage }];
}

export function finishEvent(reason: FinishReason, stop: string): ModelEvent {
  return { type: 'finish', reason, ...(stop !== '' && reason === 'stop' ? { stop } : {}) };
}

export function usageOf(usage: ChunkUsage | undefined): Usage | undefined {
  if (usage?.promptTokens === undefined) return undefined;
  const { promptTokens, completionTokens = 0, cachedTokens, reasoningTokens } = usage;
  return {
    promptTokens,
    completionTokens,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  };
}

/** An error inside a stream that began well: its code says what it means, where it is one of HTTP's. */
export function engineError(error: unknown): ModelErrorEvent {
  const said = saidOf({ error });
  const { code, retryable, words } = meaningOf(said.status ?? 500, said);
  return { type: 'error', code, message: `${words}: ${printable(said.message, SHOWN)}`, retryable };
}

export function broken(message: string): ModelErrorEvent {
  return { type: 'error', code: 'backend_failed', message, retryable: true };
}

export function garbage(value: unknown, wanted: string): ModelErrorEvent {
  const shown = printable(JSON.stringify(value), SHOWN / 2);
  const message = `the endpoint sent an event that is no ${wanted}: ${shown}`;
  return { type: 'error', code: 'backend_garbage', message, retryable: false };
}
