// Owns JSON as Python reads and writes it: whole numbers of any size, 1.0 apart from 1, keys in their order. Knows no template.
import { sorted } from './order.ts';
import { floatText } from './text.ts';
import { isList, PyDict, PyError, PyTuple, type PyValue, stringOf, typeNameOf } from './values.ts';

const DEEPEST = 200;
const NEEDS_ESCAPE = new RegExp(String.raw`["\\\x00-\x1f]`, 'g');
const STRING = /"(?:[^"\\]|\\[^])*"/y;
const NUMBER = /-?\d+(?:(\.\d+)?([eE][-+]?\d+)?)/y;
const BLANK = /[ \t\n\r]*/y;

/** Undefined if the text is no JSON. Keeps what `JSON.parse` loses: the order of keys, 1.0, and whole numbers of any size. */
export function readJson(text: string): PyValue | undefined {
  try {
    JSON.parse(text);
  } catch {
    return undefined;
  }
  return new JsonReader(text).value();
}

/** The text is known to be valid. */
class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): PyValue {
    this.#match(BLANK);
    const first = this.#text[this.#at];
    if (first === '{') return this.#object();
    if (first === '[') return this.#list();
    if (first === '"') return JSON.parse(this.#match(STRING)) as string;
    for (const [word, value] of WORDS)
      if (this.#text.startsWith(word, this.#at)) {
        this.#at += word.length;
        return value;
      }
    const number = this.#match(NUMBER);
    return /[.eE]/.test(number) ? Number(number) : BigInt(number);
  }

  #object(): PyDict {
    const made = new PyDict();
    this.#at += 1;
    while (this.#next() !== '}') {
      const key = JSON.parse(this.#match(STRING)) as string;
      this.#next();
      made.set(key, this.value());
    }
    return made;
  }

  #list(): PyValue[] {
    const made: PyValue[] = [];
    this.#at += 1;
    while (this.#next() !== ']') made.push(this.value());
    return made;
  }

  /** Passes blanks, commas and colons; the closing sign is passed as well. */
  #next(): string {
    this.#match(BLANK);
    const sign = this.#text[this.#at] ?? '';
    if (sign === ',' || sign === ':') {
      this.#at += 1;
      this.#match(BLANK);
      return '';
    }
    if (sign === '}' || sign === ']') this.#at += 1;
    return sign;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}

const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const;

/** A plain value, as Python would read it from the JSON text that JavaScript writes of it. */
export function fromPlain(value: unknown): PyValue {
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
    return value ?? null;
  if (typeof value === 'number') return numberFrom(value);
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== 'object') throw new PyError('TypeError', `a ${typeof value} has no form in JSON`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return PyDict.from(members.map(([key, member]) => [key, fromPlain(member)] as const));
}

function numberFrom(value: number): PyValue {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value) : value;
}

export interface JsonStyle {
  /** Text of one level; undefined: all in one line. */
  readonly indent: string | undefined;
  readonly itemSeparator: string;
  readonly keySeparator: string;
  readonly sortKeys: boolean;
  readonly ascii: boolean;
}

/** `json.dumps`. */
export function writeJson(value: PyValue, style: JsonStyle, depth = 0): string {
  if (depth > DEEPEST) throw new PyError('RecursionError', 'the value is nested too deeply for JSON');
  const text = stringOf(value);
  if (text !== undefined) return quote(text, style);
  if (value === null) return 'null';
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return fraction(value);
  if (isList(value)) return list(value, style, depth);
  if (value instanceof PyTuple) return list(value.items, style, depth);
  if (value instanceof PyDict) return members(value, style, depth);
  throw new PyError('TypeError', `Object of type ${typeNameOf(value)} is not JSON serializable`);
}

function quote(text: string, { ascii }: JsonStyle): string {
  const quoted = text.replace(NEEDS_ESCAPE, (sign) => JSON.stringify(sign).slice(1, -1));
  return `"${ascii ? quoted.replace(/[\u007f-\uffff]/g, escapeUnit) : quoted}"`;
}

function escapeUnit(unit: string): string {
  return unit === '\u007f' ? unit : String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function fraction(value: number): string {
  if (Number.isFinite(value)) return floatText(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

function list(items: readonly PyValue[], style: JsonStyle, depth: number): string {
  return wrap(
    '[]',
    items.map((item) => writeJson(item, style, depth + 1)),
    style,
    depth,
  );
}

function members(dict: PyDict, style: JsonStyle, depth: number): string {
  const entries = style.sortKeys ? sorted([...dict.entries()], ([key]) => key, false) : [...dict.entries()];
  const written = entries.map(([key, value]) => {
    return `${quote(keyText(key), style)}${style.keySeparator}${writeJson(value, style, depth + 1)}`;
  });
  return wrap('{}', written, style, depth);
}

function keyText(key: PyValue): string {
  const text = stringOf(key);
  if (text !== undefined) return text;
  if (key === null) return 'null';
  if (typeof key === 'boolean' || typeof key === 'bigint') return String(key);
  if (typeof key === 'number') return fraction(key);
  throw new PyError('TypeError', `keys must be str, int, float, bool or None, not ${typeNameOf(key)}`);
}

function wrap(signs: '[]' | '{}', parts: readonly string[], style: JsonStyle, depth: number): string {
  if (parts.length === 0) return signs;
  const [open, close] = [signs[0] ?? '', signs[1] ?? ''];
  if (style.indent === undefined) return `${open}${parts.join(style.itemSeparator)}${close}`;
  const line = `\n${style.indent.repeat(depth + 1)}`;
  return `${open}${line}${parts.join(style.itemSeparator + line)}\n${style.indent.repeat(depth)}${close}`;
}
