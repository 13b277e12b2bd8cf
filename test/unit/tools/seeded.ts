// Owns random values that are the same in every run. Knows no test.

/** Numbers in [0, 1) from a seed (a linear congruential generator, good enough to vary texts). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

export function pick<Value>(random: () => number, values: readonly [Value, ...Value[]]): Value {
  return values[Math.floor(random() * values.length)] ?? values[0];
}

export function upTo(random: () => number, most: number): number {
  return Math.floor(random() * (most + 1));
}
