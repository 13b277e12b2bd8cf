// Owns the reading of a server's event stream: bytes in, JSON values out, with a ceiling. Knows no chat.
import { createParser, type EventSourceParser } from 'eventsource-parser';
import { createFrames, type Said } from './frames.ts';

export type StreamItem =
  | { readonly type: 'value'; readonly value: unknown }
  /** What several events in a row say, which are like one that was a value before but for their text. */
  | { readonly type: 'said'; readonly said: Said }
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
const EVENT_END = '\n\n';
const FIELDS = ['data:', 'event:', 'id:', 'retry:', ':'];

/** What an event says, if that is all it does; `over`: from it on, texts must be told one by one. Undefined for others. */
export type SaysOnly = (value: unknown) => Said | 'over' | undefined;

/** `maxBytes`: of one event. Without `saysOnly` each event is a value of its own. */
export function createEventStream(maxBytes: number, saysOnly?: SaysOnly): EventStream {
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
  const feed = saysOnly === undefined ? (text: string) => parser.feed(text) : feedAlike(parser, saysOnly, () => items);
  return {
    feed: (bytes) => {
      const text = decoder.decode(bytes, { stream: true });
      if (head.length < SHOWN) head += text.slice(0, SHOWN);
      feed(text);
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

/** Events that are like one before are not parsed: what they say is taken out of them, and told as one text. */
function feedAlike(
  parser: Pick<EventSourceParser, 'feed'>,
  saysOnly: SaysOnly,
  items: () => StreamItem[],
): (text: string) => void {
  const frames = createFrames();
  /** Nothing of an event is held by the parser. */
  let isBetween = true;
  const learn = (event: string) => {
    const last = items().at(-1);
    const said = last?.type === 'value' ? saysOnly(last.value) : undefined;
    if (said === 'over') frames.forget();
    else if (said !== undefined && isBetween && frames.learns()) frames.learn(event, said);
  };
  return (text) => {
    let at = 0;
    while (at < text.length) {
      const alike = isBetween ? frames.read(text, at) : undefined;
      if (alike !== undefined) {
        items().push({ type: 'said', said: alike.said });
        at = alike.to;
        continue;
      }
      const end = text.indexOf(EVENT_END, at);
      const event = end === -1 ? text.slice(at) : text.slice(at, end + EVENT_END.length);
      parser.feed(event);
      if (end === -1) {
        isBetween = false;
        return;
      }
      learn(event);
      isBetween = true;
      at += event.length;
    }
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
