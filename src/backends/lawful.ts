// Owns the law of the port around any backend: how a stream may go on and how it must end. Knows no engine.
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../contracts/model-events.ts';
import type { Backend } from '../contracts/ports.ts';

/**
 * Never throws. Nothing follows an error, and only usage follows the finish. A stream that throws, breaks off (`abort`) or ends
 * without a finish ends with an `error` event.
 */
export async function* lawful(
  { name, stream }: Pick<Backend, 'name' | 'stream'>,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  let finished = false;
  try {
    for await (const given of stream(request, signal)) {
      if (finished && given.type !== 'usage') continue;
      const event = isBreakOff(given) ? failure(`${name} broke its answer off`, signal) : given;
      yield event;
      if (event.type === 'error') return;
      finished ||= event.type === 'finish';
    }
    if (!finished) yield failure(`${name} ended its answer in the middle`, signal);
  } catch (error) {
    if (!finished) yield failure(`${name}: ${error instanceof Error ? error.message : String(error)}`, signal);
  }
}

/** What went wrong, or that the asker went away: then nothing else matters. */
export function failure(message: string, signal: AbortSignal): ModelErrorEvent {
  return signal.aborted
    ? { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false }
    : { type: 'error', code: 'backend_failed', message, retryable: true };
}

function isBreakOff(event: ModelEvent): boolean {
  return event.type === 'finish' && event.reason === 'abort';
}
