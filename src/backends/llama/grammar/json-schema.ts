// Owns what JSON a schema allows, as a grammar. What it cannot say is any JSON: the schema is checked again by whoever runs the call.
import type { Json, JsonObject } from '../../../base/json.ts';
import { literal, type Rules } from './rules.ts';

export interface JsonRules {
  /** Name of a rule, or a text that stands for one. */
  value(schema: Json | undefined): string;
  /** An object, whatever the schema says of other types. */
  object(schema: JsonObject): string;
}

/** A schema with more would be slow to follow: what is beyond is any JSON. */
const MOST_RULES = 4000;
const MOST_FIELDS = 500;
const DEEPEST = 50;

export function createJsonRules(rules: Rules, root: JsonObject): JsonRules {
  const free = createFree(rules);
  const referred = new Map<string, string>();
  const value = (schema: Json | undefined, depth: number): string => {
    if (!isObject(schema) || depth > DEEPEST || rules.count() > MOST_RULES) return free.value();
    const { $ref, anyOf, oneOf, type } = schema;
    const fixed = fixedValues(schema);
    if (fixed !== undefined) return `(${fixed.map((one) => literal(JSON.stringify(one))).join(' | ')})`;
    if (typeof $ref === 'string') return refer($ref, depth);
    const ways = [anyOf, oneOf].find((one): one is Json[] => Array.isArray(one) && one.length > 0);
    if (ways !== undefined) return `(${ways.map((one) => value(one, depth + 1)).join(' | ')})`;
    if (Array.isArray(type)) return `(${type.map((one) => value({ ...schema, type: one }, depth + 1)).join(' | ')})`;
    if (type === 'array') return array(value(schema['items'], depth + 1));
    return type === 'object' ? object(schema, depth) : (free.named(type) ?? free.value());
  };
  const object = (schema: JsonObject, depth: number): string => {
    const { properties, required = [] } = schema;
    const fields = Object.entries(isObject(properties) ? properties : {});
    if (fields.length === 0 || fields.length > MOST_FIELDS) return free.object();
    const wanted = new Set(Array.isArray(required) ? required : []);
    // From the last field to the first: what may follow when nothing stands before it, and when something does.
    let after = { first: '""', later: '""' };
    for (const [name, inner] of fields.toReversed()) {
      const field = `${literal(`${JSON.stringify(name)}:`)} ${SPACE} ${value(inner, depth + 1)} ${after.later}`;
      const or = (taken: string, left: string) => (wanted.has(name) ? taken : `${taken} | ${left}`);
      const { first, later } = after;
      after = {
        first: rules.add('fields', () => or(field, first)),
        later: rules.add('fields', () => or(`"," ${SPACE} ${field}`, later)),
      };
    }
    return `"{" ${SPACE} ${after.first} ${SPACE} "}"`;
  };
  const array = (item: string) => rules.add('array', () => `"[" ${SPACE} (${item} ("," ${SPACE} ${item})*)? "]"`);
  const refer = (reference: string, depth: number): string => {
    const before = referred.get(reference);
    if (before !== undefined) return before;
    const target = find(root, reference);
    if (target === undefined) return free.value();
    return rules.add('ref', (name) => {
      referred.set(reference, name);
      return value(target, depth + 1);
    });
  };
  return { value: (schema) => value(schema, 0), object: (schema) => object(schema, 0) };
}

const STRING = String.raw`"\"" ([^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F]))* "\""`;
const INTEGER = `"-"? ("0" | [1-9] [0-9]{0,15})`;
const NUMBER = `${INTEGER} ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?`;
const SPACE = '[ ]?';

/** JSON of no schema; its rules are added when they are used. */
function createFree(rules: Rules) {
  const made = new Map<string, string>();
  const once = (name: string, make: () => string): string => {
    const before = made.get(name);
    if (before !== undefined) return before;
    return rules.add(name, (own) => {
      made.set(name, own);
      return make();
    });
  };
  const string = () => once('string', () => STRING);
  const value = (): string =>
    once('value', () => `${object()} | ${list()} | ${string()} | ${number()} | "true" | "false" | "null"`);
  const number = () => once('number', () => NUMBER);
  const object = (): string =>
    once('object', () => {
      const member = `${string()} ":" ${SPACE} ${value()}`;
      return `"{" ${SPACE} (${member} ("," ${SPACE} ${member})*)? ${SPACE} "}"`;
    });
  const list = (): string => once('list', () => `"[" ${SPACE} (${value()} ("," ${SPACE} ${value()})*)? "]"`);
  return {
    value,
    object,
    named: (type: Json | undefined): string | undefined => {
      if (type === 'string') return string();
      if (type === 'number') return number();
      if (type === 'integer') return once('integer', () => INTEGER);
      if (type === 'boolean') return '("true" | "false")';
      return type === 'null' ? '"null"' : undefined;
    },
  };
}

/** The values that a schema names one by one. */
export function fixedValues(schema: JsonObject): readonly Json[] | undefined {
  if (schema['const'] !== undefined) return [schema['const']];
  const { enum: values } = schema;
  return Array.isArray(values) && values.length > 0 ? values : undefined;
}

function find(root: JsonObject, reference: string): Json | undefined {
  if (!reference.startsWith('#/')) return undefined;
  let at: Json | undefined = root;
  for (const part of reference.slice(2).split('/')) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
