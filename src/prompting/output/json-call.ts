// Owns one call that is written as JSON: {"name": …, "arguments": …}, read as it comes. Knows no mark and no list.
import type { RepairKind } from '../../contracts/model-events.ts';
import type { Guard, Restorer } from '../guard.ts';
import { type JsonStyle, readJson, writeJson } from '../python/json.ts';
import { PyDict, type PyValue } from '../python/values.ts';
import type { CallWriter } from './call.ts';
import { isJson } from './values.ts';

/** `begin`: tells a call of that name; what comes of it is told through what it gives. */
export interface JsonCallParts {
  begin(name: string): CallWriter;
  readonly guard: Guard;
}

/** `in`: the object goes on. `whole`: the call was told. `broken`: it is no call. */
export type Step = 'in' | 'whole' | 'broken';

/** As models write it. */
const STYLE: JsonStyle = { indent: undefined, itemSeparator: ', ', keySeparator: ': ', sortKeys: false, ascii: false };
const KEYS = ['name', 'arguments', 'parameters', 'id', 'type'];
const IN_STRING = /["\\]/g;
/** More than that no reader of values follows. */
const DEEPEST = 200;
/** Before longer heads arguments are told when the call is whole. */
const LONGEST_HEAD = 1000;
const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const [OPENS_OBJECT, CLOSES_OBJECT, OPENS_LIST, CLOSES_LIST] = [0x7b, 0x7d, 0x5b, 0x5d];

/** Arguments behind the name are told piece by piece, as they are written; before it, when the object is whole. */
export class JsonCall {
  call: CallWriter | undefined;
  readonly #parts: JsonCallParts;
  /** The object without what was told: `{}` stands there. */
  #text = '';
  #depth = 0;
  #deepest = 0;
  #members = 0;
  #inString = false;
  #escaped = false;
  #told: Told | undefined;

  constructor(parts: JsonCallParts) {
    this.#parts = parts;
  }

  get isInString(): boolean {
    return this.#inString;
  }

  /** What was read and not told. */
  get untold(): string {
    return this.#text;
  }

  /** `from`: where in the text the object begins or goes on. `used`: where it ended, or the text did. */
  push(text: string, from: number): { readonly used: number; readonly step: Step } {
    let start = from;
    for (let at = this.#nextSign(text, from); at < text.length; at = this.#nextSign(text, at + 1)) {
      const opens = this.#scan(text.charCodeAt(at));
      if (this.#told !== undefined) {
        if (this.#depth > 1) continue;
        if (!this.#endArguments(this.#told, text.slice(start, at + 1))) return { used: at + 1, step: 'broken' };
        start = at + 1;
      } else if (this.#depth === 0) {
        this.#text += text.slice(start, at + 1);
        return { used: at + 1, step: this.#end() ? 'whole' : 'broken' };
      } else if (opens && this.#beginArguments(text.slice(start, at))) start = at;
    }
    if (this.#told === undefined) this.#text += text.slice(start);
    else this.#tell(this.#told, text.slice(start));
    return { used: text.length, step: 'in' };
  }

  /** Most signs of a text mean nothing. */
  #nextSign(text: string, at: number): number {
    if (!this.#inString || this.#escaped) return at;
    IN_STRING.lastIndex = at;
    return IN_STRING.exec(text)?.index ?? text.length;
  }

  /** True at a sign that opens an object as the value of a member. */
  #scan(code: number): boolean {
    if (this.#inString) {
      this.#scanText(code);
      return false;
    }
    if (code === QUOTE) this.#inString = true;
    else if (code === OPENS_OBJECT || code === OPENS_LIST) {
      this.#depth += 1;
      if (this.#told === undefined) this.#deepest = Math.max(this.#deepest, this.#depth);
      return this.#depth === 2 && code === OPENS_OBJECT;
    } else if (code === CLOSES_OBJECT || code === CLOSES_LIST) this.#depth -= 1;
    else if (code === COLON && this.#depth === 1) this.#members += 1;
    return false;
  }

  #scanText(code: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (code === BACKSLASH) this.#escaped = true;
    else if (code === QUOTE) this.#inString = false;
  }

  /** Tells the call, if its name is known and arguments come now. */
  #beginArguments(text: string): boolean {
    const head = this.#text + text;
    if (this.call !== undefined || head.length > LONGEST_HEAD) return false;
    const members = this.#membersOf(`${head}null}`);
    if (members?.argumentsAreLast !== true) return false;
    this.#text = head;
    this.call = this.#parts.begin(members.name);
    this.#told = { pieces: [], restorer: this.#parts.guard.restorer() };
    return true;
  }

  /** A member given twice, one that no call has, or arguments under both of their names: it is no call. */
  #membersOf(text: string): Members | undefined {
    const value = this.#deepest > DEEPEST ? undefined : readJson(text);
    if (!(value instanceof PyDict)) return undefined;
    const keys = value.keys();
    const areKnown = keys.every((key) => typeof key === 'string' && KEYS.includes(key));
    const [name, given] = [value.get('name'), keys.filter(isArguments)];
    if (!areKnown || typeof name !== 'string' || name === '' || keys.length !== this.#members) return undefined;
    if (given.length > 1) return undefined;
    const [key = 'arguments'] = given;
    const areRenamed = key === 'parameters';
    return { name, given: value.get(key) ?? null, areRenamed, argumentsAreLast: isArguments(keys.at(-1)) };
  }

  #tell({ pieces, restorer }: Told, text: string): void {
    pieces.push(text);
    this.call?.write(restorer.push(text));
  }

  #endArguments(told: Told, text: string): boolean {
    this.#tell(told, text);
    this.call?.write(told.restorer.end());
    this.#told = undefined;
    this.#text += '{}';
    return isJson(told.pieces.join(''));
  }

  #end(): boolean {
    const members = this.#membersOf(this.#text);
    const given = members === undefined ? undefined : argumentsOf(members.given);
    if (members === undefined || given === undefined) return false;
    const { name, areRenamed } = members;
    if (this.call !== undefined && this.call.name !== name) return false;
    this.call ??= this.#tellWhole(name, given.text);
    if (areRenamed) this.call.repair('arguments_renamed');
    if (given.repair !== undefined) this.call.repair(given.repair);
    this.call.closed = true;
    return true;
  }

  #tellWhole(name: string, text: string): CallWriter {
    const call = this.#parts.begin(name);
    const restorer = this.#parts.guard.restorer();
    call.write(restorer.push(text) + restorer.end());
    return call;
  }
}

interface Told {
  readonly pieces: string[];
  readonly restorer: Restorer;
}

interface Members {
  readonly name: string;
  readonly given: PyValue;
  readonly areRenamed: boolean;
  readonly argumentsAreLast: boolean;
}

function isArguments(key: PyValue | undefined): boolean {
  return key === 'arguments' || key === 'parameters';
}

function argumentsOf(given: PyValue): { readonly text: string; readonly repair?: RepairKind } | undefined {
  if (given === null) return { text: '{}' };
  if (given instanceof PyDict) return { text: writeJson(given, STYLE) };
  const isText = typeof given === 'string' && given.trimStart().startsWith('{') && isJson(given);
  return isText ? { text: given, repair: 'arguments_in_text' } : undefined;
}
