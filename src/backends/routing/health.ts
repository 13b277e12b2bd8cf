// Owns the watch over what replicas say of themselves: who is away is asked often, the others now and then. Sends no request for an answer.
import type { Clock } from '../../base/clock.ts';
import type { Fleet } from './fleet.ts';
import type { Replica } from './replica.ts';

const EACH_MS = 1000;
const ALL_EACH = 10;
const ASK_MS = 2000;

/** Returns the way to stop. Keeps no process alive. `changed`: one came or went. */
export function watchHealth(fleet: Fleet, clock: Clock, changed: () => void, eachMs = EACH_MS): () => void {
  const asking = new Set<Replica>();
  let round = 0;
  const look = async (replica: Replica, fitness: string) => {
    asking.add(replica);
    const well = await replica.backend.healthy?.(AbortSignal.timeout(ASK_MS));
    asking.delete(replica);
    if (well === undefined) return;
    replica.reported(well, clock.monotonic());
    const now = replica.fitness(clock.monotonic());
    if (now === fitness) return;
    // It may have come back with another model.
    if (now !== 'away' && replica.backend.declared === undefined)
      await fleet.learn(replica, AbortSignal.timeout(ASK_MS));
    changed();
  };
  const timer = setInterval(() => {
    round += 1;
    for (const replica of fleet.all()) {
      const fitness = replica.fitness(clock.monotonic());
      if ((fitness === 'away' || round % ALL_EACH === 0) && !asking.has(replica)) void look(replica, fitness);
    }
  }, eachMs);
  timer.unref();
  return () => clearInterval(timer);
}
