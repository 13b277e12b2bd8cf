// Owns the sense of time, so that tests can move it. Knows no room.

export interface Clock {
  /** Milliseconds since 1970, for records. */
  now(): number;
  /** Milliseconds that only grow, for durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
