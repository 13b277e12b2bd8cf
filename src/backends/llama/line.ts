// Owns the line before the slots of an engine: who comes first is served first, and it has an end. Knows no engine.

export interface Line {
  /** Waits for a place. The place is given back once. Rejects with the reason of the signal. */
  enter(signal: AbortSignal): Promise<() => void> | 'full';
}

/** `most`: how many may wait. */
export function createLine(places: number, most: number): Line {
  let free = places;
  const waiting: (() => void)[] = [];
  const leave = () => {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    };
  };
  return {
    enter: (signal) => {
      if (free > 0) {
        free -= 1;
        return Promise.resolve(leave());
      }
      if (waiting.length >= most) return 'full';
      return new Promise((resolve, reject) => {
        const abort = () => {
          waiting.splice(waiting.indexOf(go), 1);
          reject(signal.reason as Error);
        };
        const go = () => {
          signal.removeEventListener('abort', abort);
          resolve(leave());
        };
        waiting.push(go);
        signal.addEventListener('abort', abort, { once: true });
      });
    },
  };
}
