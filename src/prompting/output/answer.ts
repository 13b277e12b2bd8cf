// Owns the meaning of marks: what of an answer is thought, text, call. Knows no engine and no cutting.
import type { ToolDefinition } from '../../contracts/messages.ts';
import type { ModelProfile } from '../../contracts/model-profile.ts';
import type { RepairKind } from '../../contracts/model-events.ts';
import type { Guard } from '../guard.ts';
import { CallWriter, type Emit } from './call.ts';
import { beginsJson, callsOf, type JsonCall, JsonScanner } from './json-call.ts';
import type { Item } from './marks.ts';
import { Speech } from './speech.ts';

/**
 * How a value goes on that holds marks of calls. `live`: stop and ask. `nested`: they are text of the value, which ends at a mark of
 * its own. `flat`: marks of the call were left out.
 */
export type Mode = 'live' | 'nested' | 'flat';

export interface Parts {
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  readonly profile: ModelProfile;
  readonly guard: Guard;
  readonly emit: Emit;
}

type State = 'thinking' | 'text' | 'opening' | 'json' | 'function' | 'value' | 'value_end' | 'function_end';
type Mark = Exclude<Item, { readonly kind: 'text' }>;

export class AnswerReader {
  state: State;
  readonly calls: CallWriter[] = [];
  /** False: this reading cannot be what was meant. */
  isSound = true;
  /** `live` only: a mark stands in a value, and what it means shows at the end. */
  isInDoubt = false;
  readonly #parts: Parts;
  readonly #mode: Mode;
  readonly #thoughts: Speech;
  readonly #text: Speech;
  #held = '';
  #openers: Mark[] = [];
  #json = new JsonScanner();
  #nested: ('calls' | 'function' | 'parameter')[] = [];
  #firstIndex: number;
  #plainThinking = 0;
  #saidAfter = false;

  constructor(parts: Parts, mode: Mode, begins: { readonly thinking: boolean; readonly index: number }) {
    this.#parts = parts;
    this.#mode = mode;
    this.state = begins.thinking ? 'thinking' : 'text';
    this.#firstIndex = begins.index;
    this.#thoughts = new Speech('reasoning', parts.emit, parts.guard, true);
    this.#text = new Speech('text', parts.emit, parts.guard, begins.thinking);
  }

  take(item: Item): void {
    if (item.kind === 'text') return this.#takeText(item.raw);
    switch (this.state) {
      case 'thinking':
        return this.#markInThinking(item);
      case 'text':
        return this.#markInText(item);
      case 'opening':
        return this.#markInOpening(item);
      case 'json':
        return this.#takeJson(item.raw, item);
      case 'function':
        return this.#markInFunction(item);
      case 'value':
        return this.#markInValue(item);
      case 'value_end':
        return this.#markAfterValue(item);
      case 'function_end':
        return this.#markAfterFunction(item);
    }
  }

  #takeText(text: string): void {
    const isBlank = text.trim() === '';
    switch (this.state) {
      case 'thinking':
        return this.#thoughts.push(text);
      case 'text':
        return this.#say(text);
      case 'opening':
        return this.#textInOpening(text);
      case 'json':
        return this.#takeJson(text, undefined);
      case 'value':
        return this.#call?.append(text);
      case 'value_end':
        this.#held += text;
        return isBlank ? undefined : this.#goOnWithValue();
      case 'function':
        if (!isBlank) this.#refuse('call_ambiguous');
        return undefined;
      case 'function_end':
        return isBlank ? undefined : this.#closeAndSay(text);
    }
  }

  // ---- thinking and text

  #markInThinking(mark: Mark): void {
    if (mark.kind === 'think' && !this.#thoughts.said) return this.#repair('thinking_opened_twice');
    if (mark.kind !== 'think_end') return this.#thoughts.push(mark.raw);
    this.#thoughts.pause(true);
    this.#text.pause(true);
    this.state = 'text';
    return undefined;
  }

  #markInText(mark: Mark): void {
    switch (mark.kind) {
      case 'think':
        return this.#openThinking(mark);
      case 'think_end':
        return this.#closeThinking(mark);
      case 'calls':
        if (this.#text.isInFence) return this.#say(mark.raw);
        return this.#open(mark);
      case 'function':
        return this.#mayOpen(mark) ? this.#open(mark) : this.#stray(mark);
      case 'stop':
        return this.#say(mark.raw);
      default:
        return this.#stray(mark);
    }
  }

  #openThinking(mark: Mark): void {
    if (this.#text.said || this.calls.length > 0) {
      this.#plainThinking += 1;
      return this.#say(mark.raw);
    }
    this.state = 'thinking';
    return undefined;
  }

  /** A closing mark that nothing opened: the thought before it was told as text already. */
  #closeThinking(mark: Mark): void {
    if (this.#plainThinking > 0) {
      this.#plainThinking -= 1;
      return this.#say(mark.raw);
    }
    this.#text.pause(true);
    return this.#repair('thinking_closed_twice');
  }

  #say(text: string): void {
    if (this.calls.length > 0 && !this.#saidAfter && text.trim() !== '') {
      this.#saidAfter = true;
      this.#repair('text_after_call');
    }
    this.#text.push(text);
  }

  /** Marks of a call outside of a call. Behind a call they show that it was not read as it was meant. */
  #stray(mark: Mark): void {
    if (this.calls.length === 0) return this.#say(mark.raw);
    if (mark.kind === 'calls_end' && !this.#saidAfter) return this.#repair('call_closed_twice');
    this.isSound = false;
    for (const call of this.calls) if (call.refused === undefined) call.refuse('call_ambiguous');
    return this.#say(mark.raw);
  }

  // ---- the opening of a call

  #mayOpen(mark: Mark): boolean {
    return this.#text.isAtLineStart && !this.#text.isInFence && this.#parts.tools.has(mark.name);
  }

  #open(mark: Mark): void {
    this.state = 'opening';
    this.#openers = [mark];
    this.#held = mark.raw;
  }

  #textInOpening(text: string): void {
    this.#held += text;
    if (text.trim() === '') return undefined;
    const isJson = this.#openers.length === 1 && this.#openers[0]?.kind === 'calls';
    const begun = this.#held.slice(this.#openers[0]?.raw.length);
    if (!isJson || !(beginsJson(begun) || begun.trim() === '[')) return this.#unopen();
    if (begun.trim() === '[') return undefined;
    this.#json = new JsonScanner();
    this.state = 'json';
    return this.#takeJson(begun, undefined);
  }

  #markInOpening(mark: Mark): void {
    const [first, second] = this.#openers;
    if (second === undefined && first?.kind === 'calls' && mark.kind === 'function') return this.#begin(mark);
    if (second === undefined && first?.kind === 'calls' && mark.kind === 'calls') {
      this.#repair('call_opened_twice');
      return this.#open(mark);
    }
    if (first?.kind === 'function' && (mark.kind === 'parameter' || mark.kind === 'function_end')) {
      this.#begin(first);
      this.#call?.repair('call_not_opened');
      return this.take(mark);
    }
    this.#unopen();
    return this.take(mark);
  }

  /** It was no call: what was held back is text. */
  #unopen(): void {
    this.state = 'text';
    this.#say(this.#held);
    this.#held = '';
  }

  #begin(mark: Mark): void {
    this.#begun(mark.name);
    if (this.#parts.profile.output.toolCalls === 'json') this.#call?.repair('other_syntax');
    this.state = 'function';
  }

  #begun(name: string): CallWriter {
    this.#text.pause(true);
    this.#saidAfter = false;
    this.#held = '';
    const { guard, emit, tools } = this.#parts;
    const call = new CallWriter(this.#firstIndex + this.calls.length, name, { tool: tools.get(name), emit, guard });
    this.calls.push(call);
    return call;
  }

  get #call(): CallWriter | undefined {
    return this.calls.at(-1);
  }

  // ---- a call as JSON

  #takeJson(raw: string, mark: Mark | undefined): void {
    if (mark?.kind === 'calls_end' && !this.#json.isInString) {
      this.#held = (this.#openers[0]?.raw ?? '') + this.#json.text() + raw;
      this.#repair('call_unreadable');
      return this.#unopen();
    }
    const { used, whole } = this.#json.push(raw);
    if (!whole) return undefined;
    const calls = callsOf(this.#json.text());
    if (calls === undefined) {
      this.#held = (this.#openers[0]?.raw ?? '') + this.#json.text();
      this.#repair('call_unreadable');
      this.#unopen();
    } else {
      for (const call of calls) this.#writeJson(call);
      this.state = 'function_end';
    }
    const rest = raw.slice(used);
    return rest === '' ? undefined : this.#takeText(rest);
  }

  #writeJson(given: JsonCall): void {
    const call = this.#begun(given.name);
    const restorer = this.#parts.guard.restorer();
    call.write(restorer.push(given.arguments ?? '{}') + restorer.end());
    if (given.renamed) call.repair('arguments_renamed');
    if (given.inText) call.repair('arguments_in_text');
    if (this.#parts.profile.output.toolCalls === 'xml') call.repair('other_syntax');
    call.closed = true;
  }

  // ---- a call with marks

  #markInFunction(mark: Mark): void {
    switch (mark.kind) {
      case 'parameter':
        return this.#openValue(mark);
      case 'function_end':
        return this.#closeFunction();
      case 'calls_end':
        this.#call?.repair('call_not_closed');
        this.#closeFunction();
        return this.#leave();
      case 'calls':
      case 'function':
        return this.#nextWithoutEnd(mark);
      default:
        return this.#refuse('call_ambiguous');
    }
  }

  #openValue(mark: Mark): void {
    this.#call?.openValue(mark.name);
    if (this.#call?.refused !== undefined) this.isSound = false;
    this.#nested = [];
    this.state = 'value';
  }

  #markInValue(mark: Mark): void {
    if (mark.kind === 'parameter_end' && this.#nested.at(-1) !== 'parameter') {
      this.#held = mark.raw;
      this.state = 'value_end';
      return undefined;
    }
    const isPlain = mark.kind === 'think' || mark.kind === 'think_end' || mark.kind === 'stop';
    if (isPlain) return this.#call?.append(mark.raw);
    if (this.#mode === 'live') {
      this.isInDoubt = true;
      return undefined;
    }
    return this.#mode === 'nested' ? this.#nest(mark) : this.#closeMissing(mark);
  }

  #nest(mark: Mark): void {
    const top = this.#nested.at(-1);
    if (mark.kind === 'calls' || mark.kind === 'function' || mark.kind === 'parameter') this.#nested.push(mark.kind);
    else if (top !== undefined && mark.kind === `${top}_end`) this.#nested.pop();
    this.#call?.append(mark.raw);
  }

  /** The value's own end was left out. */
  #closeMissing(mark: Mark): void {
    const isNext = mark.kind === 'parameter' && this.#call?.mayTake(mark.name) === true;
    if (!isNext && mark.kind !== 'function_end' && mark.kind !== 'calls_end') this.isSound = false;
    this.#call?.closeValue();
    this.#call?.repair('parameter_not_closed');
    this.state = 'function';
    return this.#markInFunction(mark);
  }

  /** The mark that looked like the value's end was text of the value. */
  #goOnWithValue(): void {
    this.#call?.append(this.#held);
    this.#held = '';
    this.state = 'value';
  }

  #markAfterValue(mark: Mark): void {
    if (mark.kind === 'parameter_end') {
      this.#call?.append(this.#held);
      this.#held = mark.raw;
      return undefined;
    }
    const isPlain = mark.kind === 'think' || mark.kind === 'think_end' || mark.kind === 'stop';
    if (isPlain) {
      this.#goOnWithValue();
      return this.take(mark);
    }
    this.#held = '';
    this.#call?.closeValue();
    this.state = 'function';
    return this.#markInFunction(mark);
  }

  #closeFunction(): void {
    const call = this.#call;
    call?.closeArguments();
    if (call !== undefined) call.closed = true;
    this.state = 'function_end';
  }

  #markAfterFunction(mark: Mark): void {
    if (mark.kind === 'calls_end') return this.#leave();
    if (mark.kind === 'function' || mark.kind === 'calls') return this.#nextWithoutEnd(mark);
    if (this.#mode === 'flat') this.isSound = false;
    this.#notClosed();
    this.#leave();
    return this.take(mark);
  }

  #closeAndSay(text: string): void {
    if (this.#mode === 'flat') this.isSound = false;
    this.#notClosed();
    this.#leave();
    return this.#takeText(text);
  }

  /** A call without an opening mark needs no closing one. */
  #notClosed(): void {
    if (this.#openers[0]?.kind === 'calls') this.#call?.repair('call_not_closed');
  }

  #leave(): void {
    this.state = 'text';
    this.#text.pause(true);
  }

  #nextWithoutEnd(mark: Mark): void {
    if (mark.kind === 'function' && this.state === 'function' && !this.#parts.tools.has(mark.name))
      return this.#refuse('call_ambiguous');
    if (this.state === 'function') this.#closeFunction();
    this.#notClosed();
    if (mark.kind === 'function') return this.#begin(mark);
    this.#leave();
    return this.#open(mark);
  }

  #refuse(kind: RepairKind): void {
    this.isSound = false;
    this.#call?.refuse(kind);
  }

  #repair(kind: RepairKind): void {
    this.#parts.emit({ type: 'repair', kind });
  }

  // ---- the end

  /** `stopped`: the model ended its answer by itself, so that only closing marks can be missing. */
  end(stopped: boolean): void {
    if (this.state === 'json') {
      this.#held = (this.#openers[0]?.raw ?? '') + this.#json.text();
      this.#repair(stopped ? 'call_unreadable' : 'call_cut');
      this.#unopen();
    }
    if (this.state === 'opening') this.#unopen();
    if (this.state === 'thinking' && stopped) this.#repair('thinking_not_closed');
    if (this.state === 'value_end' && stopped) {
      this.#call?.closeValue();
      this.state = 'function';
    }
    if (this.state === 'function' && stopped && this.#call?.hasParameters === true) {
      this.#call.repair('call_not_closed');
      this.#closeFunction();
    } else if (this.state === 'function_end') this.#notClosed();
    if (this.state === 'function' || this.state === 'value' || this.state === 'value_end') this.#refuse('call_cut');
    this.#thoughts.pause(true);
    this.#thoughts.end();
    if (this.calls.length > 0) this.#text.pause(true);
    this.#text.end();
  }
}
