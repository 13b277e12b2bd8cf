// Owns who waits for which question in this process, and their waking. Knows no question.

/** Longest a Node timer can be set. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Woken {
  /** Resolves when woken, after that time, or when the signal aborts. */
  until(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface Waiters {
  /** Registers at once, so that a wake between a look and the wait is not lost. */
  next(id: string): Woken;
  wake(id: string): void;
  wakeAll(): void;
  /** Wakes everyone, for good. */
  close(): void;
  closed(): boolean;
}

export function createWaiters(): Waiters {
  const waiting = new Map<string, Set<() => void>>();
  let over = false;
  const wake = (id: string) => {
    const wakers = waiting.get(id);
    waiting.delete(id);
    for (const waker of wakers ?? []) waker();
  };
  const wakeAll = () => {
    for (const id of [...waiting.keys()]) wake(id);
  };
  return {
    next: (id) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(id, (waiting.get(id) ?? new Set()).add(resolve));
      return {
        until: async (milliseconds, signal) => {
          const timer = setTimeout(resolve, Math.min(LONGEST_MS, Math.max(1, milliseconds))).unref();
          const stop = () => resolve();
          if (signal.aborted || over) resolve();
          signal.addEventListener('abort', stop, { once: true });
          await promise;
          clearTimeout(timer);
          signal.removeEventListener('abort', stop);
          waiting.get(id)?.delete(resolve);
        },
      };
    },
    wake,
    wakeAll,
    close: () => {
      over = true;
      wakeAll();
    },
    closed: () => over,
  };
}
