// Owns whether a replica is trusted with requests, by how the last ones went. Knows no engine and no request.

/** `trial`: it was away, and one request may find out whether it is back. */
export type Trust = 'closed' | 'trial' | 'open';

export interface Breaker {
  trust(now: number): Trust;
  /** A request goes there; of those that come while it is a trial, none does. */
  began(now: number): void;
  /** The first of an answer is there: that ends a trial, but the next failure counts as the last before it. */
  heard(now: number): void;
  answered(now: number): void;
  /** `gone`: there is nobody; one failure of that kind is enough. */
  failed(now: number, gone: boolean): void;
  /** Its own endpoint says that it is there. That ends an absence; who fails at the work is believed no more. */
  reported(well: boolean, now: number): void;
  /** Until when it gets nothing; undefined: it gets requests. */
  openUntil(): number | undefined;
}

const FIRST_OPEN_MS = 5000;
const LONGEST_OPEN_MS = 60_000;
/** Who stays well for so long has begun anew. */
const FORGIVEN_MS = 60_000;
/** A trial that has not ended by then hinders the next one no more. */
const TRIAL_MS = 30_000;
/** Three failures in a row open it, and so does one in two for long. */
const LATEST = 0.25;
const TOO_MANY = 0.5;
/** One more failure is too many then. */
const CAUTIOUS = 0.34;

/** Times are milliseconds of one clock that does not jump. */
export function createBreaker(): Breaker {
  let badness = 0;
  let openUntil: number | undefined;
  let trialUntil = Number.NEGATIVE_INFINITY;
  let closedAt = Number.NEGATIVE_INFINITY;
  let openings = 0;
  let gone = false;
  const open = (now: number) => {
    openings = now - closedAt < FORGIVEN_MS ? openings + 1 : 1;
    openUntil = now + Math.min(FIRST_OPEN_MS * 2 ** (openings - 1), LONGEST_OPEN_MS);
    trialUntil = Number.NEGATIVE_INFINITY;
  };
  const close = (now: number) => {
    if (openUntil === undefined) return;
    openUntil = undefined;
    trialUntil = Number.NEGATIVE_INFINITY;
    badness = CAUTIOUS;
    closedAt = now;
  };
  return {
    trust: (now) => {
      if (openUntil === undefined) return 'closed';
      return now >= openUntil && now >= trialUntil ? 'trial' : 'open';
    },
    began: (now) => {
      if (openUntil !== undefined && now >= openUntil) trialUntil = now + TRIAL_MS;
    },
    heard: close,
    answered: (now) => {
      close(now);
      badness *= 1 - LATEST;
    },
    failed: (now, nobody) => {
      badness = badness * (1 - LATEST) + LATEST;
      const wasOpen = openUntil !== undefined;
      // What was on its way when it opened says nothing new.
      if (wasOpen && now < (openUntil ?? 0)) return;
      if (!nobody && !wasOpen && badness < TOO_MANY) return;
      if (wasOpen) closedAt = now;
      gone = nobody;
      open(now);
    },
    reported: (well, now) => {
      if (well && gone && openUntil !== undefined) openUntil = Math.min(openUntil, now);
      if (well || openUntil !== undefined) return;
      gone = true;
      open(now);
    },
    openUntil: () => openUntil,
  };
}
