// Owns the turning of a parameter's text into JSON of the type that its schema allows. Knows no mark.
import type { RepairKind } from '../../contracts/model-events.ts';
import { fromLiteral } from './literal.ts';
import type { ParameterTypes, ValueType } from './schema-types.ts';

export interface Converted {
  /** JSON text. */
  readonly json: string;
  readonly repair?: RepairKind;
}

const INTEGER = /^-?(?:0|[1-9]\d*)$/;
const LOOSE_INTEGER = /^[-+]?\d+(?:\.0+)?$/;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
const LOOSE_NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;
/** Strict ones first: what is exactly of a type is of no other one. */
const ORDER: readonly ValueType[] = ['null', 'boolean', 'integer', 'number', 'object', 'array'];

/** `text` as it stood between its marks. A text that is of no allowed type stays a string: the tool will say so. */
export function convertValue(text: string, { types, texts }: ParameterTypes): Converted {
  if (types.has('string') && (types.size === 1 || texts.has(text))) return { json: JSON.stringify(text) };
  const plain = text.trim();
  for (const type of ORDER) {
    const json = types.has(type) ? STRICT[type](plain) : undefined;
    if (json !== undefined) return { json };
  }
  if (types.has('string')) return { json: JSON.stringify(text) };
  for (const type of ORDER) {
    const json = types.has(type) ? LOOSE[type](plain) : undefined;
    if (json !== undefined) return { json, repair: 'value_literal' };
  }
  return { json: JSON.stringify(text), repair: 'value_not_of_type' };
}

type Reading = Readonly<Record<ValueType, (text: string) => string | undefined>>;

const STRICT: Reading = {
  string: (text) => JSON.stringify(text),
  null: (text) => (text === 'null' || text === 'None' ? 'null' : undefined),
  boolean: (text) => ({ true: 'true', True: 'true', false: 'false', False: 'false' })[text],
  integer: (text) => (INTEGER.test(text) ? text : undefined),
  number: (text) => (NUMBER.test(text) ? text : undefined),
  object: (text) => (text.startsWith('{') && isJson(text) ? text : undefined),
  array: (text) => (text.startsWith('[') && isJson(text) ? text : undefined),
};

const LOOSE: Reading = {
  string: STRICT.string,
  null: (text) => (/^(?:null|none|nil)$/i.test(text) ? 'null' : undefined),
  boolean: (text) => (/^(?:true|false)$/i.test(text) ? text.toLowerCase() : undefined),
  integer: (text) => (LOOSE_INTEGER.test(text) ? BigInt(text.replace(/^\+|\.0+$/g, '')).toString() : undefined),
  number: (text) => (LOOSE_NUMBER.test(text) ? numberText(Number(text)) : undefined),
  object: (text) => literal(text, '{'),
  array: (text) => literal(text, '['),
};

function numberText(value: number): string | undefined {
  return Number.isFinite(value) ? JSON.stringify(value) : undefined;
}

function literal(text: string, opening: string): string | undefined {
  return text.startsWith(opening) ? fromLiteral(text) : undefined;
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
