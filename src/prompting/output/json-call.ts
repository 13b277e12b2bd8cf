// Owns one call that is written as JSON: {"name": …, "arguments": …}. Knows no mark.
import { isJson } from './values.ts';

export interface JsonCall {
  readonly name: string;
  /** JSON text; undefined: there are none. */
  readonly arguments: string | undefined;
  readonly renamed: boolean;
  readonly inText: boolean;
}

/** The calls of a JSON text: one, or a list of them. Undefined if it is no such text. */
export function callsOf(text: string): readonly JsonCall[] | undefined {
  if (!isJson(text)) return undefined;
  const value: unknown = JSON.parse(text);
  const calls = (Array.isArray(value) ? value : [value]).map(callOf);
  return calls.length > 0 && calls.every((call) => call !== undefined) ? calls : undefined;
}

function callOf(value: unknown): JsonCall | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, arguments: given, parameters, ...rest } = value as Record<string, unknown>;
  if (typeof name !== 'string' || name === '' || (given !== undefined && parameters !== undefined)) return undefined;
  if (Object.keys(rest).some((key) => key !== 'id' && key !== 'type')) return undefined;
  const renamed = given === undefined && parameters !== undefined;
  const found = given ?? parameters;
  if (typeof found === 'string')
    return isObjectText(found) ? { name, arguments: found, renamed, inText: true } : undefined;
  if (found === undefined || found === null) return { name, arguments: undefined, renamed, inText: false };
  if (typeof found !== 'object' || Array.isArray(found)) return undefined;
  return { name, arguments: JSON.stringify(found), renamed, inText: false };
}

function isObjectText(text: string): boolean {
  return text.trimStart().startsWith('{') && isJson(text);
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
