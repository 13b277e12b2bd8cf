// Owns which conversations were at one replica lately, by the numbers of their names. Knows no choice.

export interface Conversations {
  /** Those that were there between a half and the whole of the time that counts. */
  count(): number;
  has(key: number): boolean;
  /** One of its requests goes there now. Milliseconds. */
  came(key: number, now: number): void;
}

/** An agent whose tool runs for longer than that finds its cache taken by others, most likely. */
const GENERATION_MS = 600_000;
const MOST_KEPT = 4096;

/** Two generations: what was not there again in the younger one is forgotten with the older. */
export function createConversations(): Conversations {
  let young = new Set<number>();
  let old = new Set<number>();
  let since = Number.NEGATIVE_INFINITY;
  return {
    count: () => young.size + old.size,
    has: (key) => young.has(key) || old.has(key),
    came: (key, now) => {
      if (now - since >= GENERATION_MS || young.size >= MOST_KEPT) {
        old = now - since >= 2 * GENERATION_MS ? new Set() : young;
        young = new Set();
        since = now;
      }
      old.delete(key);
      young.add(key);
    },
  };
}
