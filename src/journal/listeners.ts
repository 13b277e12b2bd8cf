// Owns who hears of durable events. Knows not what they do with them.
import type { RunEvent } from '../contracts/run-events.ts';

type Listener = (events: readonly RunEvent[]) => void;

export interface Listeners {
  /** Returns the way to stop. */
  add(listener: Listener): () => void;
  /** One that throws breaks its contract: it hears nothing more, and the process is warned. */
  tell(events: readonly RunEvent[]): void;
}

export function createListeners(): Listeners {
  const entries = new Set<{ readonly listener: Listener }>();
  return {
    add: (listener) => {
      const entry = { listener };
      entries.add(entry);
      return () => void entries.delete(entry);
    },
    tell: (events) => {
      for (const entry of entries) {
        try {
          entry.listener(events);
        } catch (error) {
          entries.delete(entry);
          process.emitWarning(`a listener of the journal failed and was removed: ${String(error)}`);
        }
      }
    },
  };
}
