// Owns how a field that may be absent or null is taken over. Knows no field.

/** Nothing to spread if there is no value. */
export function given<Name extends string, Value>(
  name: Name,
  value: Value | null | undefined,
): { [Key in Name]?: Value } {
  const field: { [Key in Name]?: Value } = {};
  if (value !== null && value !== undefined) field[name] = value;
  return field;
}
