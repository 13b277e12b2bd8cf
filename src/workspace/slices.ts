// Owns long lists on the thread that serves everybody: worked through in slices, with a turn for others in between. Knows no list.
import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE = 500;

/** In order; nothing else of this process waits longer than one slice. */
export async function mapInSlices<From, To>(
  items: readonly From[],
  work: (item: From, at: number) => readonly To[],
): Promise<To[]> {
  const done: To[] = [];
  for (const [at, item] of items.entries()) {
    if (at % SLICE === SLICE - 1) await nextTurn();
    for (const result of work(item, at)) done.push(result);
  }
  return done;
}
