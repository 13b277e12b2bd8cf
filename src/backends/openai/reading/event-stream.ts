// Owns the reading of a server's event stream: bytes in, JSON values out, with a ceiling. Knows no chat.
import { createParser } from 'eventsource-parser';

export type StreamItem =
  | { readonly type: 'value'; readonly value: unknown }
  /** `[DONE]`: nothing of interest follows. */
  | { readonly type: 'done' }
  /** Not what such a stream holds; `shown` is its beginning. */
  | { readonly type: 'garbage'; readonly shown: string }
  /** One event is larger than the ceiling. */
  | { readonly type: 'too_long' };

export interface EventStream {
  /** After `done`, `garbage` or `too_long` it must not be fed again. */
  feed(bytes: Uint8Array): readonly StreamItem[];
  /** What the end of the bytes gives: an event without its last line break, or garbage if there never was one. */
  end(): readonly StreamItem[];
}

const SHOWN = 1000;
const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':'];

/** `maxBytes`: of one event. */
export function createEventStream(maxBytes: number): EventStream {
  const decoder = new TextDecoder();
  let items: StreamItem[] = [];
  let head = '';
  let isSpoken = false;
  const parser = createParser({
    maxBufferSize: maxBytes,
    onEvent: ({ data, event }) => {
      isSpoken = true;
      items.push(itemOf(data, event));
    },
    onComment: () => {
      isSpoken = true;
    },
    onError: ({ type }) => {
      if (type === 'max-buffer-size-exceeded') items.push({ type: 'too_long' });
    },
  });
  const taken = () => {
    const given = items;
    items = [];
    return given;
  };
  return {
    feed: (bytes) => {
      const text = decoder.decode(bytes, { stream: true });
      if (head.length < SHOWN) head += text.slice(0, SHOWN);
      parser.feed(text);
      return taken();
    },
    end: () => {
      parser.feed(`${decoder.decode()}\n\n`);
      // The last event may be cut in its middle: then the stream was cut, which its reader sees by itself.
      const last = taken().filter(({ type }) => type !== 'garbage');
      if (isSpoken || isBeginning(head.trimStart())) return last;
      return [{ type: 'garbage', shown: head }];
    },
  };
}

function itemOf(data: string, event: string | undefined): StreamItem {
  if (data.trim() === '[DONE]') return { type: 'done' };
  try {
    const value: unknown = JSON.parse(data);
    return { type: 'value', value: event === 'error' && !hasError(value) ? { error: value } : value };
  } catch {
    return { type: 'garbage', shown: data.slice(0, SHOWN) };
  }
}

/** Whether a stream of events may begin so, and was cut before its first event. */
function isBeginning(head: string): boolean {
  return FIELDS.some((field) => head.startsWith(field) || field.startsWith(head));
}

function hasError(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'error' in value;
}
