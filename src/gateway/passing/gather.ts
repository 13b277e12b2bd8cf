// Owns the gathering of writes when many streams run at once: the write is most of what an event costs. Knows no stream and no text.

export interface Gatherer {
  /** An event passed. True if it may wait a moment for others. */
  mayWait(): boolean;
  /** `flush` is called with all the others at the next tick of the one timer. */
  wait(flush: () => void): void;
  /** It must not be called any more. */
  leave(flush: () => void): void;
}

/** At most so late is an event that was gathered. */
const TICK_MS = 10;
/** Measured: below it, a write for each event costs less than its delay is worth. */
const EVENTS_PER_WINDOW = 200;
const WINDOW_MS = 100;

/** `now`: monotonic milliseconds. */
export function createGatherer(now: () => number): Gatherer {
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let windowEnds = 0;
  let events = 0;
  let busy = false;
  const tick = () => {
    timer = undefined;
    const all = [...waiting];
    waiting.clear();
    for (const flush of all) flush();
  };
  return {
    mayWait: () => {
      events += 1;
      if (events % LOOKS === 0) {
        const time = now();
        if (time >= windowEnds) {
          busy = windowEnds !== 0 && events / (time - windowEnds + WINDOW_MS) > EVENTS_PER_WINDOW / WINDOW_MS;
          windowEnds = time + WINDOW_MS;
          events = 0;
        }
      }
      return busy;
    },
    wait: (flush) => {
      waiting.add(flush);
      timer ??= setTimeout(tick, TICK_MS);
    },
    leave: (flush) => void waiting.delete(flush),
  };
}

/** The clock is looked at once in so many events. */
const LOOKS = 8;
