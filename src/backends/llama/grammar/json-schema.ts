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

export function createJsonRules(rules: Rules, root: JsonObject): JsonRules {
  const free = createAny(rules);
  const referred = new Map<string, string>();
  const value: JsonRules['value'] = (schema) => {
    if (!isObject(schema) || rules.count() > MOST_RULES) return free.value();
    const { $ref, anyOf, oneOf, type } = schema;
    const fixed = fixedValues(schema);
    if (fixed !== undefined) return `(${fixed.map((one) => literal(JSON.stringify(one))).join(' | ')})`;
    if (typeof $ref === 'string') return refer($ref);
    const ways = [anyOf, oneOf].find((one): one is Json[] => Array.isArray(one) && one.length > 0);
    if (ways !== undefined) return `(${ways.map(value).join(' | ')})`;
    if (Array.isArray(type)) return `(${type.map((one) => value({ ...schema, type: one })).join(' | ')})`;
    return ofType(schema);
  };
  const ofType = (schema: JsonObject): string => {
    if (schema['type'] === 'array') return array(value(schema['items']));
    if (schema['type'] === 'object') return object(schema);
    return free.named(schema['type']) ?? free.value();
  };
  const object: JsonRules['object'] = (schema) => {
    const { properties, required = [] } = schema;
    if (!isObject(properties) || Object.keys(properties).length === 0) return free.object();
    const wanted = Array.isArray(required) ? required : [];
    const names = Object.keys(properties);
    const member = names.map(
      (name) => `${literal(`${JSON.stringify(name)}:`)} ${free.space} ${value(properties[name])}`,
    );
    const from = (at: number, isFirst: boolean): string => {
      const own = member[at];
      if (own === undefined) return '""';
      const taken = `${isFirst ? '' : `"," ${free.space} `}${own} ${rest(at + 1, false)}`;
      return wanted.includes(names[at] ?? '') ? taken : `(${taken} | ${rest(at + 1, isFirst)})`;
    };
    const rest = memoize((at, isFirst) => rules.add('members', () => from(at, isFirst)));
    return `"{" ${free.space} ${rest(0, true)} ${free.space} "}"`;
  };
  const array = (item: string) =>
    rules.add('array', () => `"[" ${free.space} (${item} ("," ${free.space} ${item})*)? "]"`);
  const refer = (reference: string): string => {
    const before = referred.get(reference);
    if (before !== undefined) return before;
    const target = find(root, reference);
    if (target === undefined) return free.value();
    return rules.add('ref', (name) => {
      referred.set(reference, name);
      return value(target);
    });
  };
  return { value, object };
}

function memoize(make: (at: number, isFirst: boolean) => string): (at: number, isFirst: boolean) => string {
  const made = new Map<string, string>();
  return (at, isFirst) => {
    const key = `${at} ${isFirst}`;
    const name = made.get(key) ?? make(at, isFirst);
    made.set(key, name);
    return name;
  };
}

const STRING = String.raw`"\"" ([^"\\\x00-\x1f] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F] [0-9a-fA-F]))* "\""`;
const INTEGER = `"-"? ("0" | [1-9] [0-9]{0,15})`;
const NUMBER = `${INTEGER} ("." [0-9]{1,15})? ([eE] [-+]? [0-9]{1,3})?`;
const SPACE = '[ ]?';

/** JSON of no schema; its rules are added when they are used. */
function createAny(rules: Rules) {
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
    space: SPACE,
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
