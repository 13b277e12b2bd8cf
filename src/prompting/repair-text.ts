// Owns the reading of calls that an engine's own parser left in the text or in the thought of an answer. Knows no engine.
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelProfile } from '../contracts/model-profile.ts';
import type { ModelEvent, RepairKind } from '../contracts/model-events.ts';
import type { OutputReader } from './format.ts';
import { guardAgainst } from './guard.ts';
import { LIST_MARK } from './output/marks.ts';
import { outputReader } from './output/reader.ts';

/** Takes the events of one answer as they come, and gives what is told of them. */
export interface TextRepair {
  take(event: ModelEvent): readonly ModelEvent[];
  /** Behind the last event: what is still held, if the answer came to no end. */
  end(): readonly ModelEvent[];
}

/**
 * What comes before the first mark of a call passes as it is. From there on the answer is held until its end shows whether every call
 * in it is whole and of a tool that was offered: then they are told, otherwise the text is, as the engine sent it. As soon as the
 * engine tells a call of its own, its parser is known to work: what is held is text, and everything behind it passes.
 */
export function repairText(request: ChatRequest, profile: ModelProfile): TextRepair {
  const { tools = [], toolChoice } = request;
  if (tools.length === 0 || toolChoice === 'none' || profile.output.toolCalls === 'none')
    return { take: (event) => [event], end: () => [] };
  const answer = new Rereading(request, profile);
  return { take: (event) => answer.take(event), end: () => answer.asItWas() };
}

type Said = Extract<ModelEvent, { readonly type: 'text' | 'reasoning' }>;
/** `heads`: their first characters. */
interface Openers {
  readonly marks: readonly string[];
  readonly heads: readonly string[];
}

type Finish = Extract<ModelEvent, { readonly type: 'finish' }>;

const PIECE = 16 * 1024;
const OPENERS: readonly string[] = ['<tool_call>', '<function=', '<parameter='];
/** Why what looked like a call stays text. */
const REFUSALS: ReadonlySet<RepairKind> = new Set<RepairKind>([
  'unknown_tool',
  'call_unreadable',
  'call_cut',
  'call_ambiguous',
  'duplicate_parameter',
]);

class Rereading {
  readonly #profile: ModelProfile;
  readonly #reader: OutputReader;
  /** From one of them on the reader may hold text back. */
  readonly #openers: Openers;
  #isThinking: boolean | undefined;
  #passes = false;
  /** White space, or what may be the beginning of a mark. */
  #edge: Said | undefined;
  #unread: Said | undefined;
  /** From the first mark on, as the engine told it. */
  #held: Said[] = [];
  /** The same as it is read. */
  #read: ModelEvent[] = [];
  /** Letters that were read and neither told as text nor left out before the first mark. */
  #missing = 0;
  #missingBefore = 0;

  constructor(request: ChatRequest, profile: ModelProfile) {
    this.#profile = profile;
    const { stopTexts, toolCalls } = profile.output;
    const lists = toolCalls === 'json' ? [LIST_MARK] : [];
    const marks = [...OPENERS, ...lists, ...stopTexts.filter((text) => text !== '')];
    this.#openers = { marks, heads: [...new Set(marks.map((mark) => mark.charAt(0)))] };
    this.#reader = outputReader(request, { profile, guard: guardAgainst([]) }, false);
  }

  take(event: ModelEvent): readonly ModelEvent[] {
    if (this.#passes) return [event];
    if (event.type === 'reasoning' || event.type === 'text') return this.#say(event);
    if (event.type === 'finish') return this.#end(event);
    return event.type === 'tool_call' || event.type === 'error' ? [...this.asItWas(), event] : [event];
  }

  #say(event: Said): readonly ModelEvent[] {
    const edge = this.#edge;
    this.#edge = undefined;
    if (edge === undefined || edge.type === event.type)
      return this.#sift({ ...event, text: (edge?.text ?? '') + event.text });
    this.#later(edge);
    return [edge, ...this.#sift(event)];
  }

  #sift(said: Said): readonly ModelEvent[] {
    if (this.#held.length > 0) return this.#hold(said);
    const { text } = said;
    const mark = firstMark(text, this.#openers);
    const to = text.slice(0, mark).trimEnd().length;
    const told: readonly Said[] = to === 0 ? [] : [{ ...said, text: text.slice(0, to) }];
    for (const part of told) this.#later(part);
    const rest = { ...said, text: text.slice(to) };
    if (mark < text.length && isMark(text, mark, this.#openers.marks)) {
      this.#catchUp();
      // What may still become another mark becomes text: it was told already.
      this.#feed({ type: said.type, text: ' ' });
      this.#missingBefore = this.#missing;
      return [...told, ...this.#hold(rest)];
    }
    if (rest.text !== '') this.#edge = rest;
    return told;
  }

  /** Text in which the reader finds no call after all is let go; behind a broken one no other is trusted. */
  #hold(said: Said): readonly ModelEvent[] {
    this.#held.push(said);
    if (this.#calls()) {
      this.#read.push(...this.#later(said));
      return [];
    }
    this.#read.push(...this.#feed(said));
    if (this.#missing > this.#missingBefore || this.#calls()) return [];
    const refused = this.#read.filter(isRefusal);
    if (refused.length > 0) return [...this.asItWas(), ...refused];
    const held = this.#held;
    this.#held = [];
    this.#read = [];
    return held;
  }

  #calls(): boolean {
    return this.#read.some(({ type }) => type === 'tool_call');
  }

  /** What says nothing new before its end is read in larger pieces: each piece costs more than its letters. */
  #later(said: Said): readonly ModelEvent[] {
    const { type, text } = this.#unread ?? said;
    if (this.#unread !== undefined && type === said.type && text.length < PIECE) {
      this.#unread = { type, text: text + said.text };
      return [];
    }
    const events = this.#catchUp();
    this.#unread = said;
    return events;
  }

  #catchUp(): readonly ModelEvent[] {
    const unread = this.#unread;
    this.#unread = undefined;
    return unread === undefined ? [] : this.#feed(unread);
  }

  #feed({ type, text }: Said): readonly ModelEvent[] {
    const isThinking = type === 'reasoning';
    const { thinkingStart, thinkingEnd } = this.#profile.output;
    const mark = isThinking === (this.#isThinking ?? false) ? '' : isThinking ? thinkingStart : thinkingEnd;
    this.#isThinking = isThinking;
    const events = this.#reader.push(mark + text);
    this.#missing += lettersOf(text);
    for (const event of events)
      if (event.type === 'text' || event.type === 'reasoning') this.#missing -= lettersOf(event.text);
    return events;
  }

  #end(finish: Finish): readonly ModelEvent[] {
    if (this.#held.length === 0) return [...this.asItWas(), finish];
    const read = [...this.#read, ...this.#catchUp(), ...this.#reader.end(finish.reason)];
    const reason = read.find((event) => event.type === 'finish')?.reason ?? finish.reason;
    const events = read.filter(({ type }) => type !== 'finish');
    if (areWhole(events)) {
      this.asItWas();
      return [...found(events), ...events, { ...finish, reason }];
    }
    return [...this.asItWas(), ...events.filter(isRefusal), finish];
  }

  /** All that was held back. Nothing is read any more. */
  asItWas(): readonly ModelEvent[] {
    this.#passes = true;
    const all = [...this.#held, ...(this.#edge === undefined ? [] : [this.#edge])];
    this.#held = [];
    this.#edge = undefined;
    return all;
  }
}

function isRefusal(event: ModelEvent): boolean {
  return event.type === 'repair' && REFUSALS.has(event.kind);
}

/** Of half an answer nothing is to be run. */
function areWhole(events: readonly ModelEvent[]): boolean {
  const calls = events.filter((event) => event.type === 'tool_call');
  const whole = new Set(calls.filter(({ complete }) => complete).map(({ index }) => index));
  return calls.length > 0 && !events.some(isRefusal) && calls.every(({ index }) => whole.has(index));
}

function found(events: readonly ModelEvent[]): readonly ModelEvent[] {
  const isTold = events.some((event) => event.type === 'repair' && event.kind === 'call_in_thinking');
  return isTold ? [] : [{ type: 'repair', kind: 'call_in_text' }];
}

/** Where a mark begins, or what may become one; the length if there is none. */
function firstMark(text: string, { marks, heads }: Openers): number {
  const mayBegin = (at: number) =>
    marks.some(
      (mark) => text.startsWith(mark, at) || (text.length - at < mark.length && mark.startsWith(text.slice(at))),
    );
  if (!heads.some((head) => text.includes(head))) return text.length;
  for (let at = 0; at < text.length; at += 1) if (heads.includes(text.charAt(at)) && mayBegin(at)) return at;
  return text.length;
}

function isMark(text: string, at: number, marks: readonly string[]): boolean {
  return marks.some((mark) => text.startsWith(mark, at));
}

function lettersOf(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; at += 1) if (text.charCodeAt(at) > SPACE) count += 1;
  return count;
}

const SPACE = 0x20;
