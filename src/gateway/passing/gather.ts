// Owns the gathering of writes when many streams run at once: the write is most of what an event costs. Knows no stream and no text.

export interface Gatherer {
  /** An event passed. True if it may wait a moment for others. */
  mayWait(): boolean;
  /** `flush` is called with all the others at the next tick of the one timer. */
  wait(flush: () => void): void;
  /** It must not be called any more. */
  leave(flush: () => void): void;
}

/** At most so late is an event that was gathered; under a heavy load so late. */
const TICK_MS = 10;
const LATE_TICK_MS = 20;
/** Measured: below it, a write for each event costs less than its delay is worth. */
const EVENTS_PER_WINDOW = 200;
/** From here on the writes are what a core is busy with. */
const HEAVY_EVENTS_PER_WINDOW = 800;
const WINDOW_MS = 100;

/** `now`: monotonic milliseconds. */
export function createGatherer(now: () => number): Gatherer {
  const waiting = new Set<() => void>();
  let timer: NodeJS.Timeout | undefined;
  let windowEnds = 0;
  let events = 0;
  let load: 'light' | 'busy' | 'heavy' = 'light';
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
          load = windowEnds === 0 ? 'light' : loadOf((events * WINDOW_MS) / (time - windowEnds + WINDOW_MS));
          windowEnds = time + WINDOW_MS;
          events = 0;
        }
      }
      return load !== 'light';
    },
    wait: (flush) => {
      waiting.add(flush);
      timer ??= setTimeout(tick, load === 'heavy' ? LATE_TICK_MS : TICK_MS);
    },
    leave: (flush) => void waiting.delete(flush),
  };
}

function loadOf(events: number): 'light' | 'busy' | 'heavy' {
  if (events > HEAVY_EVENTS_PER_WINDOW) return 'heavy';
  return events > EVENTS_PER_WINDOW ? 'busy' : 'light';
}

/** The clock is looked at once in so many events. */
const LOOKS = 8;
