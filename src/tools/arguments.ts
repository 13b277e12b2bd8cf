// Owns how the arguments of a call are read: harmless slips are forgiven, everything else is explained to the model. Knows no tool.
import type { z } from 'zod';
import { relatedWord } from '../base/closest.ts';
import { late } from '../base/schema.ts';

export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly message: string };

/** Text that a command line or a file can hold: no NUL, no lone surrogate. */
export const plainText = late((z) =>
  z
    .string()
    .refine((text) => !text.includes('\0'), 'must not hold a NUL character')
    .refine((text) => text.isWellFormed(), 'holds half of a surrogate pair, which no file can hold'),
);
export const filledText = late(() => plainText().refine((text) => text.trim() !== '', 'must not be empty'));
/** Text that may be left out; empty counts as left out. */
export const optionalText = late((z) =>
  z.preprocess((text) => (text === '' ? undefined : text), filledText().optional()),
);
/** A whole number from 1; also when it comes as text. */
export const countNumber = late((z) => z.preprocess(numberFromText, z.int().min(1).max(Number.MAX_SAFE_INTEGER)));
/** true or false; also when it comes as text. */
export const flag = late((z) => z.preprocess(flagFromText, z.boolean()));

/**
 * Reads `value` by `schema`. A member that is null counts as absent. The message names each field, what was expected, and shows `example`.
 */
export function parseArguments<Shape extends z.ZodRawShape>(
  late: () => z.ZodObject<Shape>,
  value: unknown,
  example: Readonly<Record<string, unknown>>,
): Parsed<z.infer<z.ZodObject<Shape>>> {
  const shown = `Example: ${JSON.stringify(example)}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { ok: false, message: `the arguments must be a JSON object, not ${kindOf(value)}. ${shown}` };
  const schema = late();
  const read = schema.safeParse(withoutNulls(value));
  if (read.success) return { ok: true, value: read.data };
  const fields = Object.keys(schema.shape);
  const problems = read.error.issues.slice(0, 4).map((issue) => explain(issue, value, fields));
  return { ok: false, message: `${problems.join('; ')}. ${shown}` };
}

function withoutNulls(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
}

function explain(issue: z.core.$ZodIssue, value: object, fields: readonly string[]): string {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => explainUnknown(key, fields)).join('; ');
  const field = String(issue.path[0] ?? '');
  const given: unknown = Reflect.get(value, field);
  if (given === undefined || given === null) return `"${field}" is missing`;
  if (issue.code === 'invalid_type') return `"${field}" must be ${expected(issue.expected)}, not ${kindOf(given)}`;
  return `"${field}" ${issue.code === 'custom' ? issue.message : rangeOf(issue)}`;
}

function explainUnknown(key: string, fields: readonly string[]): string {
  const near = relatedWord(key, fields);
  const guess = near === undefined ? '' : ` (did you mean "${near}"?)`;
  return `unknown field ${JSON.stringify(key.slice(0, 60))}${guess}; the fields are ${fields.join(', ')}`;
}

function rangeOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}`;
  return `is not right: ${issue.message}`;
}

function expected(type: string): string {
  if (type === 'int' || type === 'number') return 'a whole number';
  return type === 'boolean' ? 'true or false' : `a ${type}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'string') return `the string ${JSON.stringify(value.slice(0, 40))}`;
  return `the ${typeof value} ${JSON.stringify(value)}`;
}

function numberFromText(value: unknown): unknown {
  return typeof value === 'string' && /^\s*\d{1,15}(?:\.0+)?\s*$/.test(value) ? Number(value) : value;
}

function flagFromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const text = value.trim().toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : value;
}
