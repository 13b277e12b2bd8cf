// Owns the calls of one element that are written as JSON: one object, or a list of them. Knows no mark and no text outside.
import type { CallWriter } from './call.ts';
import { JsonCall, type JsonCallParts, type Step } from './json-call.ts';

/** Whether the text may be the beginning of calls as JSON: an object, or a list of objects. */
export function beginsJson(text: string): boolean {
  return /^\s*(?:\{|\[\s*\{)/.test(text);
}

/** What of an element is told is told as it comes; what is broken before anything of it was told can still be text. */
export class JsonCalls {
  /** Those that were told. */
  readonly calls: CallWriter[] = [];
  readonly #parts: JsonCallParts;
  readonly #alwaysList: boolean;
  #isList = false;
  #wasOpened = false;
  #wantsNext = true;
  #object: JsonCall | undefined;
  /** Signs before the first object. */
  #before = '';

  /** `alwaysList`: the element holds a list, even where the sign that opens it was left out. */
  constructor(parts: JsonCallParts, alwaysList: boolean) {
    const begin = (name: string) => {
      const call = parts.begin(name);
      this.calls.push(call);
      return call;
    };
    this.#parts = { begin, guard: parts.guard };
    this.#alwaysList = alwaysList;
  }

  get isInString(): boolean {
    return this.#object?.isInString === true;
  }

  /** The text as it was read, if nothing of it was told. */
  get untold(): string {
    return this.#before + (this.#object?.untold ?? '');
  }

  push(text: string): { readonly used: number; readonly step: Step } {
    for (let at = 0; at < text.length;) {
      if (this.#object === undefined) {
        const sign = text.charAt(at);
        const step = this.#between(sign);
        if (this.#object === undefined) at += 1;
        if (step !== 'in') return { used: at, step };
        continue;
      }
      const { used, step } = this.#object.push(text, at);
      at = used;
      if (step === 'broken') return { used, step };
      if (step === 'whole') this.#object = undefined;
      if (step === 'whole' && !this.#isList) return { used, step };
    }
    return { used: text.length, step: 'in' };
  }

  #between(sign: string): Step {
    if (this.calls.length === 0 && sign !== '{') this.#before += sign;
    if (sign.trim() === '') return 'in';
    return this.#wantsNext ? this.#beforeObject(sign) : this.#behindObject(sign);
  }

  #beforeObject(sign: string): Step {
    if (sign === '{') {
      this.#isList ||= this.#alwaysList;
      this.#object = new JsonCall(this.#parts);
      this.#wantsNext = false;
      return 'in';
    }
    if (sign !== '[' || this.#isList) return 'broken';
    this.#isList = true;
    this.#wasOpened = true;
    return 'in';
  }

  #behindObject(sign: string): Step {
    if (sign === ',') {
      this.#wantsNext = true;
      return 'in';
    }
    if (sign !== ']') return 'broken';
    if (!this.#wasOpened) this.calls.at(-1)?.repair('call_not_opened');
    return 'whole';
  }

  /** The element ends here. False: not behind a whole call. */
  close(): boolean {
    if (this.#object !== undefined || this.calls.length === 0) return false;
    this.calls.at(-1)?.repair(this.#wasOpened ? 'call_not_closed' : 'call_not_opened');
    return true;
  }

  /** The call that is read, as far as it was told. */
  get begun(): CallWriter | undefined {
    return this.#object?.call;
  }
}
