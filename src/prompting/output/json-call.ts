// Owns one call that is written as JSON: {"name": …, "arguments": …}. Knows no mark.
import type { RepairKind } from '../../contracts/model-events.ts';
import { type JsonStyle, readJson, writeJson } from '../python/json.ts';
import { isList, PyDict, type PyValue } from '../python/values.ts';

export interface JsonCall {
  readonly name: string;
  /** JSON text. */
  readonly arguments: string;
  readonly repair?: RepairKind;
}

/** As models write it. */
const STYLE: JsonStyle = { indent: undefined, itemSeparator: ', ', keySeparator: ': ', sortKeys: false, ascii: false };
const KEYS = ['name', 'arguments', 'parameters', 'id', 'type'];

/** The calls of a JSON text: one, or a list of them. Undefined if it is no such text. */
export function callsOf(text: string): readonly JsonCall[] | undefined {
  const value = readJson(text);
  if (value === undefined) return undefined;
  const calls = (isList(value) ? value : [value]).map(callOf);
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined;
}

function callOf(value: PyValue): JsonCall | undefined {
  if (!(value instanceof PyDict) || !value.keys().every((key) => typeof key === 'string' && KEYS.includes(key)))
    return undefined;
  const name = value.get('name');
  if (typeof name !== 'string' || name === '' || (value.has('arguments') && value.has('parameters'))) return undefined;
  const given = argumentsOf(value.get('arguments') ?? value.get('parameters') ?? null);
  if (given === undefined) return undefined;
  return { name, ...(value.has('parameters') ? { repair: 'arguments_renamed' as const } : {}), ...given };
}

function argumentsOf(given: PyValue): Omit<JsonCall, 'name'> | undefined {
  if (given === null) return { arguments: '{}' };
  if (given instanceof PyDict) return { arguments: writeJson(given, STYLE) };
  const isText = typeof given === 'string' && readJson(given) instanceof PyDict;
  return isText ? { arguments: given, repair: 'arguments_in_text' } : undefined;
}

/** Finds where a JSON value ends that comes in pieces. */
export class JsonScanner {
  readonly #parts: string[] = [];
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** How many characters belong to the value; `whole`: its end was found. */
  push(text: string): { readonly used: number; readonly whole: boolean } {
    for (let at = 0; at < text.length; at += 1)
      if (this.#sign(text.charCodeAt(at))) {
        this.#parts.push(text.slice(0, at + 1));
        return { used: at + 1, whole: true };
      }
    this.#parts.push(text);
    return { used: text.length, whole: false };
  }

  /** True at the sign that ends the value. */
  #sign(code: number): boolean {
    if (this.#inString) {
      if (this.#escaped) this.#escaped = false;
      else if (code === 0x5c) this.#escaped = true;
      else if (code === 0x22) this.#inString = false;
      return false;
    }
    if (code === 0x22) this.#inString = true;
    else if (code === 0x7b || code === 0x5b) this.#depth += 1;
    else if (code === 0x7d || code === 0x5d) {
      this.#depth -= 1;
      return this.#depth <= 0;
    }
    return false;
  }

  get isInString(): boolean {
    return this.#inString;
  }

  text(): string {
    return this.#parts.join('');
  }
}

/** Whether the text may be the beginning of calls as JSON: an object, or a list of objects. */
export function beginsJson(text: string): boolean {
  return /^\s*(?:\{|\[\s*\{)/.test(text);
}
