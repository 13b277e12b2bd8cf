// Owns the meaning of marks outside of calls: what of an answer is thought, text, or the opening of a call. Knows no cutting.
import type { ToolDefinition } from '../../contracts/messages.ts';
import type { ModelProfile } from '../../contracts/model-profile.ts';
import type { RepairKind } from '../../contracts/model-events.ts';
import type { Guard } from '../guard.ts';
import { CallBody, type Mark, type Mode } from './call-body.ts';
import { CallWriter, type Emit } from './call.ts';
import { beginsJson, JsonCalls } from './json-calls.ts';
import { type Item, LIST_MARK } from './marks.ts';
import { Speech } from './speech.ts';

export interface Parts {
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  readonly profile: ModelProfile;
  readonly guard: Guard;
  readonly emit: Emit;
}

/** `skipped`: the rest of an element of which something was told before it broke. */
export type Place = 'thinking' | 'text' | 'opening' | 'json' | 'skipped' | 'call';

export class AnswerReader {
  place: Place;
  readonly calls: CallWriter[] = [];
  readonly #parts: Parts;
  readonly #mode: Mode;
  readonly #firstIndex: number;
  readonly #thoughts: Speech;
  readonly #text: Speech;
  #isSound = true;
  #body: CallBody | undefined;
  #opener: Mark | undefined;
  #held = '';
  #json: JsonCalls | undefined;
  /** Marks of thinking that were told as text, and wait for their end. */
  #plainThinking = 0;
  #saidAfter = false;

  constructor(parts: Parts, mode: Mode, begins: { readonly thinking: boolean; readonly index: number }) {
    this.#parts = parts;
    this.#mode = mode;
    this.place = begins.thinking ? 'thinking' : 'text';
    this.#firstIndex = begins.index;
    this.#thoughts = new Speech('reasoning', parts.emit, parts.guard, true);
    this.#text = new Speech('text', parts.emit, parts.guard, begins.thinking);
  }

  /** False: this reading cannot be what was meant. */
  get isSound(): boolean {
    return this.#isSound && this.#body?.isSound !== false;
  }

  get isInDoubt(): boolean {
    return this.#body?.isInDoubt === true;
  }

  get isInValue(): boolean {
    if (this.place === 'json') return this.#json?.isInString === true;
    return this.place === 'call' && this.#body?.isInValue === true;
  }

  /** A mark of thinking would be part of what is read. */
  get holdsMarks(): boolean {
    return this.isInValue || this.place === 'json';
  }

  take(item: Item): void {
    if (this.place === 'call') this.#inCall(item);
    else if (this.place === 'json') this.#inJson(item);
    else if (this.place === 'skipped') this.#skip(item);
    else if (this.place === 'opening') this.#inOpening(item);
    else if (this.place === 'thinking') this.#inThinking(item);
    else if (item.kind === 'text') this.#say(item.raw);
    else this.#markInText(item);
  }

  #inThinking(item: Item): void {
    if (item.kind === 'think' && !this.#thoughts.said) this.#repair('thinking_opened_twice');
    else if (item.kind === 'think_end') {
      this.#thoughts.pause(true);
      this.#text.pause(true);
      this.place = 'text';
    } else this.#thoughts.push(item.raw);
  }

  #markInText(mark: Mark): void {
    if (mark.kind === 'think') this.#openThinking(mark);
    else if (mark.kind === 'think_end') this.#closeThinking(mark);
    else if (mark.kind === 'stop') this.#say(mark.raw);
    else if (mark.kind === 'calls' && !this.#text.isInFence) this.#open(mark);
    else if (mark.kind === 'calls') this.#say(mark.raw);
    else if (mark.kind === 'function' && this.#mayOpen(mark)) this.#open(mark);
    else this.#stray(mark);
  }

  #openThinking(mark: Mark): void {
    if (!this.#text.said && this.calls.length === 0) {
      this.place = 'thinking';
      return;
    }
    this.#plainThinking += 1;
    this.#say(mark.raw);
  }

  /** A closing mark that nothing opened: the thought before it was told as text already. */
  #closeThinking(mark: Mark): void {
    if (this.#plainThinking > 0) {
      this.#plainThinking -= 1;
      this.#say(mark.raw);
    } else {
      this.#text.pause(true);
      this.#repair('thinking_closed_twice');
    }
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
    if (this.calls.length > 0 && mark.kind === 'calls_end' && !this.#saidAfter) {
      this.#repair('call_closed_twice');
      return;
    }
    if (this.calls.length > 0) this.#isSound = false;
    for (const call of this.calls) if (call.refused === undefined) call.refuse('call_ambiguous');
    this.#say(mark.raw);
  }

  #mayOpen(mark: Mark): boolean {
    return this.#text.isAtLineStart && !this.#text.isInFence && this.#parts.tools.has(mark.name);
  }

  #open(mark: Mark): void {
    this.place = 'opening';
    this.#opener = mark;
    this.#held = mark.raw;
  }

  /** A call is one only if its beginning goes on as one. */
  #inOpening(item: Item): void {
    const opener = this.#opener;
    if (item.kind === 'text') this.#textInOpening(item.raw);
    else if (opener?.kind === 'calls' && item.kind === 'function') this.#begin(item, true);
    else if (opener?.kind === 'calls' && item.kind === 'calls') {
      this.#repair('call_opened_twice');
      this.#open(item);
    } else {
      const goesOn = item.kind === 'parameter' || item.kind === 'function_end';
      if (opener?.kind === 'function' && goesOn) this.#beginUnopened(opener);
      else this.#unopen();
      this.take(item);
    }
  }

  #beginUnopened(opener: Mark): void {
    this.#begin(opener, false);
    this.calls.at(-1)?.repair('call_not_opened');
  }

  #textInOpening(text: string): void {
    this.#held += text;
    if (text.trim() === '') return;
    const begun = this.#held.slice(this.#opener?.raw.length);
    if (this.#opener?.kind === 'calls' && begun.trim() === '[') return;
    if (this.#opener?.kind !== 'calls' || !beginsJson(begun)) {
      this.#unopen();
      return;
    }
    const begin = (name: string) => this.#beginJson(name);
    this.#json = new JsonCalls({ begin, guard: this.#parts.guard }, this.#opener.raw === LIST_MARK);
    this.place = 'json';
    this.#inJson({ kind: 'text', raw: begun });
  }

  /** It was no call: what was held back is text. */
  #unopen(): void {
    const held = this.#held;
    this.#held = '';
    this.place = 'text';
    this.#say(held);
  }

  #begin(mark: Mark, needsEnd: boolean): void {
    const call = this.#begun(mark.name);
    if (this.#parts.profile.output.toolCalls === 'json') call.repair('other_syntax');
    this.#enter(call, needsEnd, 'function');
  }

  #enter(call: CallWriter, needsEnd: boolean, phase: 'function' | 'function_end'): void {
    if (this.#body?.isSound === false) this.#isSound = false;
    const isTool = (name: string) => this.#parts.tools.has(name);
    this.#body = new CallBody(call, { mode: this.#mode, needsEnd, isTool }, phase);
    this.place = 'call';
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

  #inCall(item: Item): void {
    const outcome = this.#body?.take(item) ?? 'next';
    if (outcome === 'in') return;
    this.#leaveElement();
    if (outcome === 'left') return;
    if (item.kind === 'function') this.#begin(item, this.#opener?.kind === 'calls');
    else this.take(item);
  }

  #inJson({ kind, raw }: Item): void {
    const json = this.#json;
    if (json === undefined) return;
    if (kind === 'calls_end' && !json.isInString) {
      if (json.close()) this.#leaveElement();
      else this.#unread(json, raw, true);
      return;
    }
    const { used, step } = json.push(raw);
    const [rest, last] = [raw.slice(used), json.calls.at(-1)];
    if (step === 'broken') this.#unread(json, rest, false);
    else if (step === 'whole' && last !== undefined) {
      this.#enter(last, true, 'function_end');
      if (rest !== '') this.take({ kind: 'text', raw: rest });
    }
  }

  #beginJson(name: string): CallWriter {
    const call = this.#begun(name);
    if (this.#parts.profile.output.toolCalls === 'xml') call.repair('other_syntax');
    return call;
  }

  /** If nothing of it was told it is text; otherwise no call of the element is to be trusted. */
  #unread(json: JsonCalls, rest: string, isEnd: boolean): void {
    if (json.calls.length > 0) {
      for (const call of json.calls) call.refuse('call_unreadable');
      if (isEnd) this.#leaveElement();
      else this.place = 'skipped';
      return;
    }
    this.#held = (this.#opener?.raw ?? '') + json.untold + rest;
    this.#repair('call_unreadable');
    this.#unopen();
  }

  #skip(item: Item): void {
    if (item.kind === 'calls_end') this.#leaveElement();
  }

  #leaveElement(): void {
    this.#text.pause(true);
    this.place = 'text';
  }

  #endJson(json: JsonCalls): void {
    if (json.close()) return;
    if (json.calls.length === 0) this.#unread(json, '', true);
    else if (json.begun === undefined) this.#repair('call_cut');
    else json.begun.refuse('call_cut');
  }

  #repair(kind: RepairKind): void {
    this.#parts.emit({ type: 'repair', kind });
  }

  /** `stopped`: the model ended its answer by itself, so that only closing marks can be missing. */
  end(stopped: boolean): void {
    if (this.place === 'json' && this.#json !== undefined) this.#endJson(this.#json);
    else if (this.place === 'opening') this.#unopen();
    else if (this.place === 'call') this.#body?.end(stopped);
    else if (this.place === 'thinking' && stopped) this.#repair('thinking_not_closed');
    this.#thoughts.pause(true);
    this.#thoughts.end();
    if (this.calls.length > 0) this.#text.pause(true);
    this.#text.end();
  }
}
