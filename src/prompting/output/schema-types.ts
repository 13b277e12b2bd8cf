// Owns which JSON types a tool's schema allows for a parameter. Knows no value.
import type { Json, JsonObject } from '../../base/json.ts';
import type { ToolDefinition } from '../../contracts/messages.ts';

export type ValueType = 'string' | 'integer' | 'number' | 'boolean' | 'null' | 'array' | 'object';

const ALL: readonly ValueType[] = ['string', 'integer', 'number', 'boolean', 'null', 'array', 'object'];
const DEEPEST = 20;

/** What a schema says of one parameter; undefined if the tool has none of that name. */
export interface ParameterTypes {
  readonly types: ReadonlySet<ValueType>;
  /** Texts that the schema lists. */
  readonly texts: ReadonlySet<string>;
}

export function parameterTypes({ parameters }: ToolDefinition, name: string): ParameterTypes | undefined {
  const schema = propertyOf(parameters, name, parameters, 0);
  if (schema === undefined) return undefined;
  const found = { types: new Set<ValueType>(), texts: new Set<string>() };
  gather(schema, parameters, found, 0);
  if (found.types.size === 0) found.types.add('string');
  return found;
}

function propertyOf(schema: Json | undefined, name: string, root: JsonObject, depth: number): Json | undefined {
  const object = resolved(schema, root);
  if (object === undefined || depth > DEEPEST) return undefined;
  const properties = objectOf(object['properties']);
  if (properties !== undefined && Object.hasOwn(properties, name)) return properties[name];
  for (const part of alternatives(object)) {
    const found = propertyOf(part, name, root, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Found {
  readonly types: Set<ValueType>;
  readonly texts: Set<string>;
}

function gather(schema: Json | undefined, root: JsonObject, found: Found, depth: number): void {
  const object = resolved(schema, root);
  if (object === undefined || depth > DEEPEST) return;
  const listed = [...listOf(object['enum']), ...(object['const'] === undefined ? [] : [object['const']])];
  for (const value of listed) if (typeof value === 'string') found.texts.add(value);
  const named = namedTypes(object['type']);
  for (const each of named) found.types.add(each);
  if (named.length > 0) return;
  for (const value of listed) found.types.add(typeOf(value));
  for (const part of alternatives(object)) gather(part, root, found, depth + 1);
  if (object['properties'] !== undefined) found.types.add('object');
  if (object['items'] !== undefined) found.types.add('array');
}

function namedTypes(type: Json | undefined): readonly ValueType[] {
  return ALL.filter((each) => type === each || listOf(type).includes(each));
}

function typeOf(value: Json): ValueType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value as 'string' | 'boolean' | 'object';
}

function alternatives(schema: JsonObject): readonly Json[] {
  return ['anyOf', 'oneOf', 'allOf'].flatMap((key) => listOf(schema[key]));
}

/** Follows `$ref` within the schema of the tool. */
function resolved(schema: Json | undefined, root: JsonObject): JsonObject | undefined {
  let object = objectOf(schema);
  for (let step = 0; step < DEEPEST && typeof object?.['$ref'] === 'string'; step += 1) {
    const path = object['$ref'].startsWith('#/') ? object['$ref'].slice(2).split('/') : [];
    const target = path.reduce<Json | undefined>((at, part) => memberOf(at, unescape(part)), root);
    object = path.length === 0 ? undefined : objectOf(target);
  }
  return object;
}

function memberOf(value: Json | undefined, name: string): Json | undefined {
  const object = objectOf(value);
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}

function unescape(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function objectOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}
