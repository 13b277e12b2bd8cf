// Owns the text of an answer that came and was not read yet: joined, bounded, and with its end. Knows no engine.

export interface Unread<End> {
  /** False if there is too much: nothing was kept of it. */
  add(text: string): boolean;
  /** After it nothing counts any more. */
  end(end: End): void;
  /** The same, and what was not read is dropped. */
  cut(end: End): void;
  /** Waits for text, or for the end when all text was taken. One reader. */
  take(): Promise<{ readonly text: string } | { readonly end: End }>;
}

/** `most`: characters that may wait for a slow reader. */
export function createUnread<End>(most: number): Unread<End> {
  let text = '';
  let ended: { readonly end: End } | undefined;
  let wake: (() => void) | undefined;
  const tell = () => {
    wake?.();
    wake = undefined;
  };
  const close = (end: End) => {
    ended ??= { end };
    tell();
  };
  return {
    add: (more) => {
      if (ended !== undefined || more === '') return true;
      if (text.length + more.length > most) return false;
      text += more;
      tell();
      return true;
    },
    end: close,
    cut: (end) => {
      if (ended === undefined) text = '';
      close(end);
    },
    take: async () => {
      if (text === '' && ended === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      if (text === '' && ended !== undefined) return ended;
      const taken = text;
      text = '';
      return { text: taken };
    },
  };
}
