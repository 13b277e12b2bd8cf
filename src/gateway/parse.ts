// Owns the check of what a client sent against a schema, with words for the client. Knows no route.
import type { z } from 'zod';
import { CaissonError } from '../base/errors.ts';

const MOST_SHOWN = 5;

/** The value as the schema gives it. Throws `invalid_input` that names the field and, where there are more mistakes, all of them. */
export function parseInput<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return parsed.data;
  const told = parsed.error.issues
    .slice(0, MOST_SHOWN)
    .map((issue) => ({ field: fieldOf(issue.path), text: issue.message }));
  const message = told.map(({ field, text }) => (field === '' ? text : `${field}: ${text}`)).join('; ');
  const field = told[0]?.field ?? '';
  throw new CaissonError('invalid_input', message, field === '' ? {} : { place: { field } });
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`))
    .join('');
}
