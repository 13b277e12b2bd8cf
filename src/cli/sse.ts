// Owns the reading of a server-sent event stream. Knows no event of ours.
import type { Readable } from 'node:stream';
import { createParser } from 'eventsource-parser';

export interface StreamMessage {
  readonly event: string | undefined;
  readonly data: string;
}

/** Messages as they come; ends or rejects as the stream does. */
export async function* readEventStream(body: Readable): AsyncGenerator<StreamMessage> {
  const ready: StreamMessage[] = [];
  const parser = createParser({ onEvent: ({ event, data }) => ready.push({ event, data }) });
  const decoder = new TextDecoder();
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }));
    yield* ready.splice(0);
  }
}
