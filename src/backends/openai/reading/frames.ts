// Owns the quick look at events that differ from one that was read in nothing but the text they say. Reads no meaning of them.

export interface Frames {
  /**
   * Takes the first event of `events` as a pattern for those that follow. It must have been read: it says a text and does nothing else.
   * False if it cannot be one, if it does not say just what was `said` in it (for whoever knows), or if so many were given that another
   * would cost more than it saves.
   */
  learn(event: string, said?: Said): boolean;
  /** Where the first event begins, from `from` on, that is not like the pattern; `count`: how many were. */
  skip(events: string, from: number): Skipped;
  /** The same, and what those events say together; undefined if there is none, or their text is no JSON. */
  read(events: string, from: number): (Skipped & { readonly said: Said }) | undefined;
  /** No event is like another any more. */
  forget(): void;
  /** Further patterns may be learned. */
  learns(): boolean;
}

export interface Skipped {
  readonly to: number;
  readonly count: number;
}

export interface Said {
  readonly as: 'content' | 'reasoning';
  readonly text: string;
}

/** In bytes as Latin-1 or in text: what is compared is ASCII or the same. */
const TEXT = /"(content|reasoning|reasoning_content)":"/;
const MOST_PATTERNS = 16;
const BACKSLASH = 0x5c;

export function createFrames(): Frames {
  let [before, behind] = ['', ''];
  let as: Said['as'] = 'content';
  let learned = 0;
  const walk = (events: string, from: number, hear?: (start: number, end: number) => void): Skipped => {
    let [to, count] = [from, 0];
    if (before === '') return { to, count };
    while (events.startsWith(before, to)) {
      const start = to + before.length;
      const end = endOfText(events, start);
      // A line break within the text would begin another line of the event.
      if (!events.startsWith(behind, end) || events.indexOf('\n', start) !== end + behind.length - 2) break;
      hear?.(start, end);
      to = end + behind.length;
      count += 1;
    }
    return { to, count };
  };
  return {
    learn: (event, said) => {
      const found = learned < MOST_PATTERNS ? TEXT.exec(event) : null;
      learned += 1;
      if (found === null) return false;
      const start = found.index + found[0].length;
      const end = endOfText(event, start);
      if (end === -1 || event.indexOf('\n') !== event.length - 2) return false;
      const name = found[1] === 'content' ? 'content' : 'reasoning';
      if (said !== undefined && (said.as !== name || said.text !== unescaped(event.slice(start, end)))) return false;
      [before, behind, as] = [event.slice(0, start), event.slice(end), name];
      return true;
    },
    skip: (events, from) => walk(events, from),
    read: (events, from) => {
      let escaped = '';
      const skipped = walk(events, from, (start, end) => (escaped += events.slice(start, end)));
      const text = skipped.count === 0 ? undefined : unescaped(escaped);
      return text === undefined ? undefined : { ...skipped, said: { as, text } };
    },
    forget: () => {
      before = '';
      learned = MOST_PATTERNS;
    },
    learns: () => learned < MOST_PATTERNS,
  };
}

/** The quote that closes the JSON text that begins at `start`; -1 if there is none. */
function endOfText(text: string, start: number): number {
  let end = text.indexOf('"', start);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes += 1;
  return slashes % 2 === 1;
}

/** Undefined for what is no JSON. */
function unescaped(text: string): string | undefined {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return undefined;
  }
}
