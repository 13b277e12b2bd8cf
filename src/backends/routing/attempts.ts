// Owns the order in which replicas are asked for one request, and when another is. Knows no wire format and no event but an error.
import type { Clock } from '../../base/clock.ts';
import type { ModelErrorEvent } from '../../contracts/model-events.ts';
import { pick } from './pick.ts';
import type { Lease, Replica } from './replica.ts';

export interface Attempts {
  /** The next replica to ask, with a place there; undefined: there is none left that could be. */
  next(): Attempt | undefined;
}

export interface Attempt extends Pick<Lease, 'replica' | 'end' | 'used'> {
  /** The first of its answer is there. */
  heard(): void;
  answered(): void;
  /** True if the next replica may be asked: nothing was begun, and the failure was this replica's own. */
  failed(event: ModelErrorEvent, begun: boolean): boolean;
}

export interface Wish {
  readonly model: string;
  /** Of the conversation; undefined: any replica is as good. */
  readonly key: number | undefined;
}

/** An engine that had the request may have died of it: it does not go through all of them. */
const MOST_FAILED = 3;

export function createAttempts(replicas: readonly Replica[], { model, key }: Wish, clock: Clock): Attempts {
  let left = replicas;
  let failures = 0;
  return {
    next: () => {
      const now = clock.monotonic();
      const replica = failures < MOST_FAILED ? choose(left, { model, key }, now) : undefined;
      if (replica === undefined) return undefined;
      left = left.filter((one) => one !== replica);
      const lease = replica.begin(now, key);
      return {
        replica,
        end: () => lease.end(),
        used: (usage) => lease.used(usage),
        heard: () => lease.heard(clock.monotonic()),
        answered: () => lease.answered(clock.monotonic()),
        failed: (event, begun) => {
          lease.failed(event, model, clock.monotonic(), clock.now());
          if (event.unsent !== true) failures += 1;
          return !begun && mayGoOn(event);
        },
      };
    },
  };
}

/** Fit ones first; then those that say they have too much to do; and who seems to be away only where nobody else is. */
export function choose(replicas: readonly Replica[], { model, key }: Wish, now: number): Replica | undefined {
  const fit: Replica[] = [];
  const full: Replica[] = [];
  const away: Replica[] = [];
  for (const one of replicas) {
    if (!one.mayServe(model, now)) continue;
    const fitness = one.fitness(now);
    if (fitness === 'fit') fit.push(one);
    else if (fitness === 'full') full.push(one);
    else if (fitness === 'away') away.push(one);
  }
  return pick(fit, key) ?? pick(full, key) ?? pick(away, key);
}

/** Never where an engine says that it has too much to do: the next one would soon have it too. */
function mayGoOn({ code }: ModelErrorEvent): boolean {
  return (
    code === 'backend_unreachable' ||
    code === 'backend_failed' ||
    code === 'backend_garbage' ||
    code === 'model_not_found'
  );
}
