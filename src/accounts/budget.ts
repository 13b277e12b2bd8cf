// Owns what an account used on one day, and when the next day begins. Knows no minute and no key.

export interface Budget {
  /** Wall-clock milliseconds since 1970. */
  add(now: number, used: { readonly tokens: number; readonly gpuSeconds: number }): void;
  used(now: number): { readonly tokens: number; readonly gpuSeconds: number };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * A day is one of UTC. A day other than the last one seen begins with nothing, also when the clock was put back: a wrong clock may
 * give someone a second budget, but it locks nobody out for hours.
 */
export function createBudget(now: number, start: { readonly tokens: number; readonly gpuSeconds: number }): Budget {
  let day = dayOf(now);
  let used = start;
  const at = (now: number) => {
    if (dayOf(now) !== day) used = { tokens: 0, gpuSeconds: 0 };
    day = dayOf(now);
    return used;
  };
  return {
    add: (now, { tokens, gpuSeconds }) => {
      const before = at(now);
      used = { tokens: before.tokens + tokens, gpuSeconds: before.gpuSeconds + gpuSeconds };
    },
    used: at,
  };
}

export function secondsToNextDay(now: number): number {
  return Math.max(1, Math.ceil(((dayOf(now) + 1) * DAY_MS - now) / 1000));
}

function dayOf(now: number): number {
  return Math.floor(now / DAY_MS);
}
