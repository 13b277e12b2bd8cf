// Owns the finding of the mark that ends a command's output, wherever chunks are cut. Knows no command.

export interface MarkScanner {
  /** The bytes that surely are output; what may be the beginning of the mark is held back. Behind the mark nothing is. */
  feed(chunk: Buffer): Buffer;
  found(): boolean;
  /** What was held back and is output after all, when nothing more comes. */
  rest(): Buffer;
}

const NOTHING = Buffer.alloc(0);

export function createMarkScanner(text: string): MarkScanner {
  const mark = Buffer.from(text);
  let held = NOTHING;
  let found = false;
  return {
    feed: (chunk) => {
      if (found) return NOTHING;
      const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      const at = bytes.indexOf(mark);
      if (at !== -1) {
        found = true;
        held = NOTHING;
        return bytes.subarray(0, at);
      }
      const back = beginningAtEnd(bytes, mark);
      held = Buffer.from(bytes.subarray(bytes.length - back));
      return bytes.subarray(0, bytes.length - back);
    },
    found: () => found,
    rest: () => {
      const last = held;
      held = NOTHING;
      return last;
    },
  };
}

/** How many of the last bytes are a beginning of the mark. Its first byte occurs in it once, so the last place counts. */
function beginningAtEnd(bytes: Buffer, mark: Buffer): number {
  const from = bytes.lastIndexOf(mark[0] ?? 0);
  if (from === -1 || bytes.length - from >= mark.length) return 0;
  return bytes.subarray(from).equals(mark.subarray(0, bytes.length - from)) ? bytes.length - from : 0;
}
