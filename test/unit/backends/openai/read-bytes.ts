// Owns the reading of bytes into events without a connection, for tests: in one piece or in many.
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { createChunkReader } from '../../../../src/backends/openai/reading/chunks.ts';
import { createEventStream, type StreamItem } from '../../../../src/backends/openai/reading/event-stream.ts';

/** Made-up ids are made-1, made-2, …; the tool `bash` needs arguments. */
export function readBytes(pieces: readonly Uint8Array[]): readonly ModelEvent[] {
  return read(pieces, false);
}

/** As answers are read: events that are alike are told together. Texts in a row are joined here, however they came. */
export function readJoined(pieces: readonly Uint8Array[]): readonly ModelEvent[] {
  return joined(read(pieces, true));
}

export function joined(events: readonly ModelEvent[]): readonly ModelEvent[] {
  const all: ModelEvent[] = [];
  for (const event of events) {
    const last = all.at(-1);
    const isMore = (event.type === 'text' || event.type === 'reasoning') && last?.type === event.type;
    if (isMore) all[all.length - 1] = { type: event.type, text: last.text + event.text };
    else all.push(event);
  }
  return all;
}

function read(pieces: readonly Uint8Array[], alike: boolean): readonly ModelEvent[] {
  let made = 0;
  const reader = createChunkReader({
    newCallId: () => `made-${(made += 1)}`,
    needsArguments: (tool) => tool === 'bash',
  });
  const stream = createEventStream(100_000, alike ? reader.alike?.saysOnly : undefined);
  const events: ModelEvent[] = [];
  const take = (items: readonly StreamItem[]): boolean => {
    for (const item of items) {
      if (item.type === 'value') events.push(...reader.take(item.value));
      else if (item.type === 'said') events.push(...(reader.alike?.take(item.said) ?? []));
      else if (item.type !== 'done') throw new Error(`${item.type} ${'shown' in item ? item.shown : ''}`);
      if (item.type === 'done' || events.at(-1)?.type === 'error') return true;
    }
    return false;
  };
  const isOver = pieces.some((piece) => take(stream.feed(piece))) || take(stream.end());
  if (!isOver || events.at(-1)?.type !== 'error') events.push(...reader.end());
  return events;
}
