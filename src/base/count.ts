// Owns what a count is that someone else tells: whole and not negative. Knows nobody who tells one.

/** Undefined for anything else: who counts wrongly has said nothing. */
export function countIn(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
