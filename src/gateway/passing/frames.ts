// Owns the quick look at events that differ from one that was read in nothing but the text they say. Reads no meaning of them.

export interface Frames {
  /**
   * Takes the first event of `events` as a pattern for those that follow. It must have been read: it says a text and does nothing else.
   * False if it cannot be one, or so many were given that another would cost more than it saves.
   */
  learn(event: string): boolean;
  /** Where the first event begins, from `from` on, that is not like the pattern; `count`: how many were. */
  skip(events: string, from: number): { readonly to: number; readonly count: number };
}

/** Bytes of an answer as Latin-1: each character is one byte. */
const TEXT = /"(?:content|reasoning|reasoning_content)":"/;
const MOST_PATTERNS = 16;
const BACKSLASH = 0x5c;

export function createFrames(): Frames {
  let [before, behind] = ['', ''];
  let learned = 0;
  return {
    learn: (event) => {
      const found = learned < MOST_PATTERNS ? TEXT.exec(event) : null;
      learned += 1;
      if (found === null) return false;
      const start = found.index + found[0].length;
      const end = endOfText(event, start);
      if (end === -1 || event.indexOf('\n') !== event.length - 2) return false;
      before = event.slice(0, start);
      behind = event.slice(end);
      return true;
    },
    skip: (events, from) => {
      let [to, count] = [from, 0];
      if (before === '') return { to, count };
      while (events.startsWith(before, to)) {
        const start = to + before.length;
        const end = endOfText(events, start);
        // A line break within the text would begin another line of the event.
        if (!events.startsWith(behind, end) || events.indexOf('\n', start) !== end + behind.length - 2) break;
        to = end + behind.length;
        count += 1;
      }
      return { to, count };
    },
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
