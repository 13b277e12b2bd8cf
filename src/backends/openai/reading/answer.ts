// Owns the way from the body of an answer to its events. Knows no request and no failure of the way.
import type { IncomingMessage } from 'node:http';
import type { ModelEvent } from '../../../contracts/model-events.ts';
import type { ChunkReader } from './chunks.ts';
import { readHead } from '../connection.ts';
import { createEventStream, type StreamItem } from './event-stream.ts';
import { garbageEvent, tooLongEvent } from '../failure.ts';
import type { Patience } from '../patience.ts';

export interface AnswerOptions {
  readonly address: string;
  readonly reader: ChunkReader;
  readonly patience: Patience;
  /** Bytes of the answer, and of one event. */
  readonly maxBytes: number;
}

const HEAD_BYTES = 16 * 1024;

/** Ends after an `error` event, at `[DONE]`, or with the body. Rejects as the body does. */
export async function* readAnswer(answer: IncomingMessage, options: AnswerOptions): AsyncGenerator<ModelEvent> {
  const type = answer.headers['content-type'] ?? '';
  if (type.includes('text/event-stream')) {
    yield* readChunks(answer, type, options);
    return;
  }
  const head = await options.patience.awaiting(readHead(answer, HEAD_BYTES));
  const failure = failureIn(head);
  if (failure === undefined) yield garbage(options.address, type, head);
  else yield* options.reader.take(failure);
}

async function* readChunks(
  body: AsyncIterable<Uint8Array>,
  type: string,
  options: AnswerOptions,
): AsyncGenerator<ModelEvent> {
  const { reader, patience, maxBytes } = options;
  const stream = createEventStream(maxBytes, reader.alike?.saysOnly);
  const source = body[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await patience.awaiting(source.next());
    for (const item of done === true ? stream.end() : stream.feed(value)) {
      if (item.type === 'done') {
        patience.farewell(drain(source));
        yield* reader.end();
        return;
      }
      for (const event of eventsOf(item, type, options)) {
        yield event;
        if (event.type === 'error') return;
      }
    }
    if (reader.bytes() > maxBytes) {
      yield tooLongEvent(maxBytes);
      return;
    }
    if (done !== true) continue;
    yield* reader.end();
    return;
  }
}

function eventsOf(
  item: Exclude<StreamItem, { type: 'done' }>,
  type: string,
  { address, reader, maxBytes }: AnswerOptions,
): readonly ModelEvent[] {
  if (item.type === 'value') return reader.take(item.value);
  if (item.type === 'said') return reader.alike?.take(item.said) ?? [];
  return [item.type === 'too_long' ? tooLongEvent(maxBytes) : garbage(address, type, item.shown)];
}

/** An error object in place of the stream, under a status that promised one. */
function failureIn(head: string): { readonly error: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(head);
    const error: unknown = typeof value === 'object' && value !== null && 'error' in value ? value.error : undefined;
    return error === undefined || error === null ? undefined : { error };
  } catch {
    return undefined;
  }
}

function garbage(address: string, contentType: string, shown: string): ModelEvent {
  return garbageEvent(address, { wanted: 'an event stream of chat chunks', contentType, shown });
}

async function drain(source: AsyncIterator<Uint8Array>): Promise<void> {
  while ((await source.next()).done !== true);
}
