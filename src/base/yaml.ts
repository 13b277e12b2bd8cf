// Owns YAML at the rim: text and a schema in, a value or errors with file:line:column out. Knows no schema.
import { isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { closestWord } from './closest.ts';
import { CaissonError, type ErrorCode, type ErrorPlace } from './errors.ts';

export type YamlPath = readonly (string | number)[];

export interface ParsedYaml<Value> {
  readonly value: Value;
  /** Where the value of that path, or the nearest thing around it, stands. */
  placeOf(path: YamlPath): ErrorPlace;
}

const MOST_PROBLEMS = 20;

/** Throws `code` with the place of the first problem; the message tells all. Duplicate keys and exploding aliases are refused. */
export function parseYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  schema: Schema,
  code: ErrorCode,
): ParsedYaml<z.output<Schema>> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false });
  const placeAt = (offset: number): ErrorPlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line, column: col };
  };
  const [broken] = document.errors;
  if (broken !== undefined) throw new CaissonError(code, broken.message, { place: placeAt(broken.pos[0]) });
  const placeOf = (path: YamlPath): ErrorPlace => ({
    ...placeAt(offsetOf(document.contents, path)),
    field: fieldOf(path),
  });
  const parsed = schema.safeParse(document.toJS({ maxAliasCount: 100 }) ?? {});
  if (parsed.success) return { value: parsed.data, placeOf };
  throw problems(parsed.error.issues, schema, placeOf, code);
}

function problems(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  placeOf: (path: YamlPath) => ErrorPlace,
  code: ErrorCode,
): CaissonError {
  const told = issues.slice(0, MOST_PROBLEMS).map((issue) => {
    const path = issue.path.filter((part) => typeof part !== 'symbol');
    if (issue.code !== 'unrecognized_keys') return { place: placeOf(path), message: issue.message };
    const [key = ''] = issue.keys;
    const meant = closestWord(key, knownKeys(schema, path));
    const hint = meant === undefined ? '' : `; did you mean "${meant}"?`;
    return { place: placeOf([...path, key]), message: `there is no setting "${fieldOf([...path, key])}"${hint}` };
  });
  const [first] = told;
  const more = told
    .slice(1)
    .map(({ place, message }) => `\n  also ${place.file}:${place.line}:${place.column}: ${message}`);
  return new CaissonError(
    code,
    `${first?.message ?? 'not valid'}${more.join('')}`,
    first === undefined ? {} : { place: first.place },
  );
}

/** Offset of the deepest node on the path that is there; for a key of a map, the key itself. */
function offsetOf(root: Node | null, path: YamlPath): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part));
      if (pair === undefined) return offset;
      offset = rangeOf(pair.key) ?? offset;
      node = pair.value;
    } else if (typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items)) {
      node = node.items[Number(part)];
      offset = rangeOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function rangeOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node) || !Array.isArray(node.range)) return undefined;
  return typeof node.range[0] === 'number' ? node.range[0] : undefined;
}

export function fieldOf(path: YamlPath): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** The keys that the schema takes at the path; [] if it cannot say. */
function knownKeys(schema: z.ZodType, path: YamlPath): readonly string[] {
  let at: unknown = schema;
  for (const part of path) at = stepInto(unwrap(at), part);
  const shape = shapeOf(unwrap(at));
  return shape === undefined ? [] : Object.keys(shape);
}

function unwrap(schema: unknown): unknown {
  let at = schema;
  for (let depth = 0; depth < 10; depth += 1) {
    const inner = definitionOf(at)?.['innerType'] ?? definitionOf(at)?.['in'];
    if (inner === undefined) return at;
    at = inner;
  }
  return at;
}

function stepInto(schema: unknown, part: string | number): unknown {
  return typeof part === 'number' ? definitionOf(schema)?.['element'] : shapeOf(schema)?.[part];
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  const definition = definitionOf(schema);
  const options = definition?.['options'];
  if (Array.isArray(options))
    return Object.assign({}, ...options.map((option: unknown) => shapeOf(unwrap(option)) ?? {})) as Record<
      string,
      unknown
    >;
  const shape = definition?.['shape'];
  return typeof shape === 'object' && shape !== null ? (shape as Record<string, unknown>) : undefined;
}

function definitionOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof schema !== 'object' || schema === null || !('def' in schema)) return undefined;
  return schema.def as Record<string, unknown>;
}
