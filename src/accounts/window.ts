// Owns a count over the last minute, by the second. Measured by a clock that only grows: a jump of the wall clock is nothing to it.

export interface Window {
  /** All times are monotonic milliseconds. */
  add(now: number, amount: number): void;
  /** Puts an amount where it was before this process began; one that is over a minute old is left out. */
  restore(now: number, ageMs: number, amount: number): void;
  used(now: number): number;
  /** Milliseconds until no more than `most` is used; 0 if that is so now. */
  waitFor(now: number, most: number): number;
  /** Milliseconds until all of it is over. */
  resetMs(now: number): number;
}

const SLOTS = 60;
const SLOT_MS = 1000;
/** Restored amounts are fractions: their sum may be a hair over the whole number it was. */
export const ROUNDING = 1e-6;

export function createWindow(): Window {
  const amounts = Array.from({ length: SLOTS }, () => 0);
  let latest = 0;
  /** Undefined after a change: it is asked for several times between two. */
  let sum: number | undefined;
  const slot = (second: number) => ((second % SLOTS) + SLOTS) % SLOTS;
  const advance = (now: number): number => {
    const second = Math.floor(now / SLOT_MS);
    const passed = Math.min(SLOTS, second - latest);
    for (let step = 0; step < passed; step += 1) amounts[slot(second - step)] = 0;
    if (passed > 0) sum = undefined;
    latest = Math.max(latest, second);
    return latest;
  };
  const at = (second: number) => amounts[slot(second)] ?? 0;
  const put = (second: number, amount: number) => {
    amounts[slot(second)] = at(second) + amount;
    sum = undefined;
  };
  const leavesIn = (second: number, now: number) => Math.max(0, (second + SLOTS) * SLOT_MS - now);
  const used = (now: number) => {
    advance(now);
    if (sum !== undefined) return sum;
    let fresh = 0;
    for (const amount of amounts) fresh += amount;
    return (sum = fresh);
  };
  return {
    add: (now, amount) => put(advance(now), amount),
    restore: (now, ageMs, amount) => {
      const age = Math.floor(Math.max(0, ageMs) / SLOT_MS);
      if (age < SLOTS) put(advance(now) - age, amount);
    },
    used,
    waitFor: (now, most) => {
      let left = used(now);
      if (left <= most + ROUNDING) return 0;
      for (let second = latest - SLOTS + 1; second < latest; second += 1) {
        left -= at(second);
        if (left <= most + ROUNDING) return leavesIn(second, now);
      }
      return leavesIn(latest, now);
    },
    resetMs: (now) => {
      advance(now);
      for (let second = latest; second > latest - SLOTS; second -= 1) if (at(second) > 0) return leavesIn(second, now);
      return 0;
    },
  };
}
