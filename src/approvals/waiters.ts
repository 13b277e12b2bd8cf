// Owns who waits for which question in this process, and their waking. Knows no question.

/** Longest a Node timer can be set. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Watch {
  /** Resolves when woken, also by a wake since the watch began or last resolved; after that time; or when the signal aborts. */
  change(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Must be called once: until then the watch is kept. */
  end(): void;
}

export interface Waiters {
  /** Begins at once, so that a wake between a look and the wait is not lost. */
  watch(id: string): Watch;
  wake(ids: readonly string[]): void;
  /** Wakes everyone, for good. */
  close(): void;
  closed(): boolean;
  /** Watches that have not ended. */
  count(): number;
}

export function createWaiters(): Waiters {
  const bells = new Map<string, Set<() => void>>();
  let over = false;
  const wake = (ids: Iterable<string>) => {
    for (const id of ids) for (const ring of bells.get(id) ?? []) ring();
  };
  return {
    watch: (id) => {
      const bell = createBell();
      if (over) bell.ring();
      bells.set(id, (bells.get(id) ?? new Set()).add(bell.ring));
      return { change: (milliseconds, signal) => bell.heard(milliseconds, signal), end: () => remove(bells, id, bell) };
    },
    wake,
    close: () => {
      over = true;
      wake(bells.keys());
    },
    closed: () => over,
    count: () => bells.values().reduce((sum, rings) => sum + rings.size, 0),
  };
}

interface Bell {
  readonly ring: () => void;
  heard(milliseconds: number, signal: AbortSignal): Promise<void>;
}

function createBell(): Bell {
  let rung = Promise.withResolvers<void>();
  const ring = () => rung.resolve();
  return {
    ring,
    heard: async (milliseconds, signal) => {
      const timer = setTimeout(ring, Math.min(LONGEST_MS, Math.max(1, milliseconds))).unref();
      signal.addEventListener('abort', ring, { once: true });
      if (signal.aborted) ring();
      await rung.promise;
      rung = Promise.withResolvers<void>();
      clearTimeout(timer);
      signal.removeEventListener('abort', ring);
    },
  };
}

function remove(bells: Map<string, Set<() => void>>, id: string, { ring }: Bell): void {
  const rings = bells.get(id);
  rings?.delete(ring);
  if (rings?.size === 0) bells.delete(id);
}
