// Owns the live notes of runs: shown while they happen, kept nowhere. Knows no transport.
import type { ProgressNote } from '../contracts/ports.ts';

export interface LiveNotes {
  /** Tells everyone who listens. Never throws. */
  tell(run: string, note: ProgressNote): void;
  /** Returns the way to stop. The listener must not throw. */
  listen(run: string, listener: (note: ProgressNote) => void): () => void;
}

export function createLiveNotes(): LiveNotes {
  const listeners = new Map<string, Set<(note: ProgressNote) => void>>();
  return {
    tell: (run, note) => {
      for (const listener of listeners.get(run) ?? []) listener(note);
    },
    listen: (run, listener) => {
      const all = listeners.get(run) ?? new Set();
      listeners.set(run, all.add(listener));
      return () => {
        all.delete(listener);
        if (all.size === 0) listeners.delete(run);
      };
    },
  };
}
