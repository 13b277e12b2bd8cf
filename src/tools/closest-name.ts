// Owns the guess which known name was meant. Knows no tool and no field.

/** The name that is at most a third of its letters away from `given`, or contains it; undefined if none is. */
export function closest(given: string, names: readonly string[]): string | undefined {
  const wanted = given.toLowerCase().slice(0, 64);
  const related = names.find((name) => wanted.includes(name.toLowerCase()) || name.toLowerCase().includes(wanted));
  if (related !== undefined && wanted !== '') return related;
  const ranked = names.map((name) => ({ name, distance: distance(wanted, name.toLowerCase()) }));
  const best = ranked.toSorted((left, right) => left.distance - right.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, best.name.length / 3) ? best.name : undefined;
}

function distance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let at = 1; at <= left.length; at += 1) {
    const next = [at];
    for (let to = 1; to <= right.length; to += 1) {
      const swap = (row[to - 1] ?? 0) + (left[at - 1] === right[to - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
