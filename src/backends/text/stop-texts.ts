// Owns the end of a text at the first of the words that a client named: some engines show them. Knows no engine.

export interface StopTexts {
  /** What is sure to stand before any of them. `hit`: the one that ended the text; nothing after it counts. */
  push(text: string): { readonly text: string; readonly hit?: string };
  /** What was held back because it looked like the beginning of one. */
  rest(): string;
}

export function createStopTexts(stops: readonly string[]): StopTexts {
  const words = stops.filter((stop) => stop !== '');
  const longest = Math.max(0, ...words.map((stop) => stop.length));
  let held = '';
  return {
    push: (text) => {
      const all = held + text;
      const hit = firstOf(all, words);
      if (hit !== undefined) {
        held = '';
        return { text: all.slice(0, hit.at), hit: hit.stop };
      }
      const keep = beginningAtEnd(all, words, longest);
      held = all.slice(all.length - keep);
      return { text: all.slice(0, all.length - keep) };
    },
    rest: () => held,
  };
}

/** The one that begins first, and of those the longest. */
function firstOf(text: string, stops: readonly string[]): { readonly at: number; readonly stop: string } | undefined {
  const found = stops.map((stop) => ({ at: text.indexOf(stop), stop })).filter(({ at }) => at >= 0);
  return found.sort((left, right) => left.at - right.at || right.stop.length - left.stop.length)[0];
}

/** Characters at the end that may be the beginning of a stop. */
function beginningAtEnd(text: string, stops: readonly string[], longest: number): number {
  for (let count = Math.min(longest - 1, text.length); count > 0; count -= 1) {
    const end = text.slice(text.length - count);
    if (stops.some((stop) => stop.startsWith(end))) return count;
  }
  return 0;
}
