// Owns what becomes of things of a kind that is not known here. Knows no kind.

/** A value of a type that is not listed becomes one to be ignored; what has no type stays as it is, to be refused. */
export function known(value: unknown, types: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || !('type' in value) || typeof value.type !== 'string') return value;
  return types.includes(value.type) ? value : { type: 'ignored' };
}
