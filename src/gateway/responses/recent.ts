// Owns the short memory of items that were given out lately: clients that think everything is stored name them by id. Nothing is on disk.
import type { JsonObject } from '../../base/json.ts';

export interface RecentItems {
  /** `items`: as JSON, each with its id. */
  remember(owner: string, items: readonly string[]): void;
  find(owner: string, id: string): JsonObject | undefined;
}

/** The oldest are forgotten where all together have more characters than this. */
const MOST_CHARACTERS = 16 * 1024 * 1024;

export function createRecentItems(mostCharacters: number = MOST_CHARACTERS): RecentItems {
  /** Keys are owner and id. A map gives its entries in the order in which they were put in. */
  const items = new Map<string, string>();
  let characters = 0;
  const forget = (key: string) => {
    characters -= items.get(key)?.length ?? 0;
    items.delete(key);
  };
  return {
    remember: (owner, given) => {
      for (const text of given) {
        const { id } = JSON.parse(text) as { readonly id: string };
        const key = keyOf(owner, id);
        forget(key);
        items.set(key, text);
        characters += text.length;
      }
      for (const key of items.keys()) {
        if (characters <= mostCharacters) break;
        forget(key);
      }
    },
    find: (owner, id) => {
      const text = items.get(keyOf(owner, id));
      return text === undefined ? undefined : (JSON.parse(text) as JsonObject);
    },
  };
}

function keyOf(owner: string, id: string): string {
  return `${owner} ${id}`;
}
