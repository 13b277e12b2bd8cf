// Owns how many runs work at once; the others wait in the order they came. Knows no run.

export interface Queue {
  /** Runs the work when there is room. An aborted signal lets it in at once: it only has to end. */
  enter(signal: AbortSignal, work: () => Promise<void>): Promise<void>;
}

export function createQueue(room: number): Queue {
  let inside = 0;
  const waiting = new Set<() => void>();
  const turn = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const enter = () => {
        waiting.delete(enter);
        signal.removeEventListener('abort', enter);
        resolve();
      };
      waiting.add(enter);
      signal.addEventListener('abort', enter, { once: true });
    });
  return {
    enter: async (signal, work) => {
      if (inside >= room && !signal.aborted) await turn(signal);
      inside += 1;
      try {
        await work();
      } finally {
        inside -= 1;
        const [next] = waiting;
        if (inside < room) next?.();
      }
    },
  };
}
