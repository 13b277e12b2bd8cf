// Owns the words for what a schema refuses: what was found, what was expected, what was probably meant. Knows no file.
import type { z } from 'zod';
import { closestWord } from './closest.ts';
import { type FieldPath, fieldName } from './problems.ts';
import { loadZod } from './schema.ts';

export interface Refusal {
  /** Path of the value, or of the key that should not be there. */
  readonly path: FieldPath;
  readonly text: string;
  /** The key is the mistake, not its value. */
  readonly onKey: boolean;
}

const WANTED: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section of `name: value` lines',
};

/** Every refusal in words. `value` is what was parsed; only numbers, booleans and words of a closed list are ever shown. */
export function explainIssues(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  schema: z.ZodType,
): readonly Refusal[] {
  return withoutConsequences(issues).flatMap((issue): Refusal[] => {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) => ({ path: [...path, key], text: unknownKey(key, path, schema), onKey: true }));
    return [{ path, text: explain(issue, valueAt(value, path)), onKey: false }];
  });
}

/** What a rule says of a map that has an unknown key follows from that key: `expcet` given, so `expect` is missing. */
function withoutConsequences(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const misspelt = issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? [String(issue.path)] : []));
  return issues.filter((issue) => issue.code !== 'custom' || !misspelt.includes(String(issue.path)));
}

function explain(issue: z.core.$ZodIssue, found: unknown): string {
  if (issue.code === 'invalid_type') return explainType(issue.expected, found);
  if (issue.code === 'invalid_value') {
    const allowed = issue.values.map(String);
    if (found === undefined) return `this is missing: expected ${allowed.join(' or ')}`;
    return `expected ${allowed.join(' or ')}, found ${wordOf(found)}${guess(found, allowed)}`;
  }
  if (issue.code === 'too_small')
    return `expected ${amount(issue.origin, 'at least', Number(issue.minimum))}, found ${sizeOf(found)}`;
  if (issue.code === 'too_big')
    return `expected ${amount(issue.origin, 'at most', Number(issue.maximum))}, found ${sizeOf(found)}`;
  return issue.code === 'invalid_format' ? `expected ${issue.message}` : issue.message;
}

function explainType(expected: string, found: unknown): string {
  const wanted = WANTED[expected] ?? expected;
  return found === undefined ? `this is missing: expected ${wanted}` : `expected ${wanted}, found ${kindOf(found)}`;
}

function unknownKey(key: string, path: FieldPath, schema: z.ZodType): string {
  const known = keysAt(schema, path);
  const meant = closestWord(key, known) ?? elsewhere(key, schema);
  const where = path.length === 0 ? '' : ` in ${fieldName(path)}`;
  const help = meant === undefined ? `known: ${known.join(', ')}` : `did you mean ${JSON.stringify(meant)}?`;
  return `there is no ${JSON.stringify(key)}${where}; ${help}`;
}

/** The same key, where it belongs. */
function elsewhere(key: string, schema: z.ZodType): string | undefined {
  const section = keysAt(schema, []).find((name) => keysAt(schema, [name]).includes(key));
  return section === undefined ? undefined : `${section}.${key}`;
}

/** The keys that the schema takes at the path; of a choice between forms, those of each. */
function keysAt(schema: z.ZodType, path: FieldPath): readonly string[] {
  let at: readonly unknown[] = forms(schema);
  for (const part of path) at = at.flatMap((form) => forms(within(form, part)));
  return [...new Set(at.flatMap((form) => (isObject(form) ? Object.keys(form.shape) : [])))];
}

function within(form: unknown, part: string | number): unknown {
  const { ZodArray, ZodRecord } = loadZod();
  if (form instanceof ZodArray) return form.element;
  if (form instanceof ZodRecord) return form.valueType;
  return isObject(form) && Object.hasOwn(form.shape, part) ? form.shape[part] : undefined;
}

function isObject(form: unknown): form is z.ZodObject {
  return form instanceof loadZod().ZodObject;
}

/** What may stand there, without wrappers. */
function forms(schema: unknown): readonly unknown[] {
  const { ZodUnion, ZodPipe, ZodOptional, ZodNullable, ZodDefault } = loadZod();
  if (schema instanceof ZodUnion) return schema.options.flatMap(forms);
  if (schema instanceof ZodPipe) return [...forms(schema.in), ...forms(schema.out)];
  if (schema instanceof ZodOptional || schema instanceof ZodNullable || schema instanceof ZodDefault)
    return forms(schema.unwrap());
  return [schema];
}

function valueAt(value: unknown, path: FieldPath): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'object' ? 'a section' : 'text';
}

function wordOf(value: unknown): string {
  return typeof value === 'string' && /^[\w-]{1,24}$/.test(value) ? JSON.stringify(value) : kindOf(value);
}

function guess(found: unknown, allowed: readonly string[]): string {
  const meant = typeof found === 'string' ? closestWord(found, allowed) : undefined;
  return meant === undefined ? '' : `; did you mean ${JSON.stringify(meant)}?`;
}

function amount(origin: string, bound: string, count: number): string {
  if (origin === 'string') return `${bound} ${count} characters`;
  return origin === 'array' ? `${bound} ${count} items` : `${bound} ${count}`;
}

function sizeOf(value: unknown): string {
  if (typeof value === 'string') return `${value.length}`;
  return Array.isArray(value) ? `${value.length}` : kindOf(value);
}
