// Owns which models are known to be broken: while one is, only a request now and then is let through to try. Knows no connection.
import type { Clock } from '../../base/clock.ts';

export interface Breaker {
  /** Whether a request may go to the model now. One that may while the model is broken is the only one for a while. */
  mayTry(model: string): boolean;
  broke(model: string): void;
  worked(model: string): void;
}

/** A dead model process costs each request a second; nothing but loading the model again mends it. */
const PAUSE_MS = 5000;

export function createBreaker({ monotonic }: Pick<Clock, 'monotonic'>): Breaker {
  const until = new Map<string, number>();
  return {
    mayTry: (model) => {
      const end = until.get(model);
      if (end === undefined) return true;
      if (monotonic() < end) return false;
      until.set(model, monotonic() + PAUSE_MS);
      return true;
    },
    broke: (model) => until.set(model, monotonic() + PAUSE_MS),
    worked: (model) => until.delete(model),
  };
}
