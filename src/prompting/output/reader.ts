// Owns the reading of one answer as it comes, from its first piece to its finish. Knows no engine.
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelProfile } from '../../contracts/model-profile.ts';
import type { FinishReason, ModelEvent } from '../../contracts/model-events.ts';
import type { OutputReader } from '../format.ts';
import type { Guard } from '../guard.ts';
import { AnswerReader, type Parts } from './answer.ts';
import type { CallWriter } from './call.ts';
import { ThoughtCall } from './draft.ts';
import { settle, type Told } from './doubt.ts';
import { type Item, markReader, type Marks } from './marks.ts';

/** What a model writes that goes on after its end: the next turn, which it invents. */
const NEXT_TURNS: readonly string[] = ['<|im_start|>', '<SPECIAL_10>', '<SPECIAL_11>'];

export function outputReader(
  request: ChatRequest,
  parts: { readonly profile: ModelProfile; readonly guard: Guard },
  opensThinking: boolean,
): OutputReader {
  return new StreamReader(request, parts, opensThinking);
}

class StreamReader implements OutputReader {
  readonly #marks: Marks;
  readonly #parts: Parts;
  readonly #answer: AnswerReader;
  readonly #mayMiss: boolean;
  readonly #withCalls: boolean;
  #events: ModelEvent[] = [];
  /** Items and events since the last place outside of a call. */
  #since: Item[] = [];
  #told: Told = { events: [], written: new Map() };
  #callsBefore = 0;
  #thought: ThoughtCall | undefined;
  #isDrafting = false;
  #ending: Item[] = [];
  /** Text behind a text that ends answers, without white space before it. */
  #afterEnd = '';
  #hasEnded = false;

  constructor(
    request: ChatRequest,
    { profile, guard }: { readonly profile: ModelProfile; readonly guard: Guard },
    opensThinking: boolean,
  ) {
    const { tools = [], toolChoice } = request;
    this.#withCalls = profile.output.toolCalls !== 'none' && tools.length > 0 && toolChoice !== 'none';
    this.#marks = markReader(profile.output, this.#withCalls);
    const emit = (event: ModelEvent) => {
      this.#events.push(event);
      const { events, written } = this.#told;
      if (event.type !== 'tool_call' || event.arguments === undefined) events.push(event);
      else written.set(event.index, (written.get(event.index) ?? '') + event.arguments);
    };
    this.#parts = { tools: new Map(tools.map((tool) => [tool.name, tool])), profile, guard, emit };
    this.#answer = new AnswerReader(this.#parts, 'live', { thinking: opensThinking, index: 0 });
    this.#mayMiss = (request.stop ?? []).length === 0;
  }

  push(text: string): readonly ModelEvent[] {
    for (const item of this.#marks.push(text)) this.#sift(item);
    return this.#taken();
  }

  #taken(): readonly ModelEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Holds a text that ends answers back until more comes: then it was only written, or a turn was invented. */
  #sift(item: Item): void {
    if (this.#hasEnded) return;
    if (item.kind === 'stop') {
      this.#ending.push(item);
      return;
    }
    if (this.#ending.length === 0) return this.#route(item);
    this.#ending.push(item);
    if (item.kind === 'text') this.#afterEnd = (this.#afterEnd + item.raw).trimStart();
    const after = this.#afterEnd;
    const mayBecome = (turn: string) => turn.startsWith(after) && turn !== after;
    if (item.kind === 'text' && (after === '' || NEXT_TURNS.some(mayBecome))) return;
    const held = this.#ending;
    this.#ending = [];
    this.#afterEnd = '';
    this.#hasEnded = NEXT_TURNS.some((turn) => after.startsWith(turn)) && !this.#answer.isInValue;
    if (this.#hasEnded) this.#parts.emit({ type: 'repair', kind: 'text_after_end' });
    else for (const each of held) this.#route(each);
  }

  #route(item: Item): void {
    if (this.#thought !== undefined) return this.#takeThought(this.#thought, item);
    if (this.#answer.isInDoubt) this.#remember(item);
    else this.#feed(item);
  }

  #feed(item: Item): void {
    const { place } = this.#answer;
    if (place !== 'thinking') this.#isDrafting = false;
    if (place === 'thinking' && item.kind === 'calls' && !this.#isDrafting) {
      this.#thought = new ThoughtCall((name) => this.#parts.tools.has(name));
      this.#thought.take(item);
      return;
    }
    if (place === 'text' || place === 'thinking') {
      this.#since = [];
      this.#told = { events: [], written: new Map() };
      this.#callsBefore = this.#answer.calls.length;
    }
    this.#remember(item);
    this.#answer.take(item);
  }

  #remember(item: Item): void {
    const last = this.#since.at(-1);
    if (item.kind === 'text' && last?.kind === 'text')
      this.#since[this.#since.length - 1] = { kind: 'text', raw: last.raw + item.raw };
    else this.#since.push(item);
  }

  #takeThought(thought: ThoughtCall, item: Item): void {
    if (thought.take(item) === 'draft') this.#keepAsThought(thought);
  }

  #keepAsThought({ items }: ThoughtCall): void {
    this.#thought = undefined;
    this.#isDrafting = true;
    for (const item of items) this.#route(item);
  }

  end(reason: FinishReason): readonly ModelEvent[] {
    const stopped = (reason === 'stop' || reason === 'tool_calls') && this.#mayMiss;
    for (const item of this.#marks.end()) this.#sift(item);
    this.#endThought(reason);
    const calls = this.#answer.isInDoubt ? this.#settled(stopped) : this.#ended(stopped);
    const complete = calls.filter((call, index) => isComplete(call, reason, index === calls.length - 1));
    for (const { index } of complete) this.#events.push({ type: 'tool_call', index, complete: true });
    this.#events.push({ type: 'finish', reason: finishOf(reason, complete.length > 0) });
    return this.#taken();
  }

  #endThought(reason: FinishReason): void {
    const thought = this.#thought;
    if (thought === undefined) return;
    if (thought.judgement !== 'call' || (reason !== 'stop' && reason !== 'tool_calls'))
      return this.#keepAsThought(thought);
    this.#thought = undefined;
    this.#parts.emit({ type: 'repair', kind: 'call_in_thinking' });
    this.#feed({ kind: 'think_end', raw: '', name: '' });
    for (const item of thought.items) if (item.kind !== 'think_end' || this.#answer.holdsMarks) this.#route(item);
  }

  #ended(stopped: boolean): readonly CallWriter[] {
    this.#answer.end(stopped);
    return this.#answer.calls;
  }

  /** Both readings can be meant, or none: then no call of this answer is to be trusted. */
  #settled(stopped: boolean): readonly CallWriter[] {
    const settled = stopped ? settle(this.#since, this.#parts, this.#callsBefore, this.#told) : undefined;
    if (settled === undefined) {
      for (const call of this.#answer.calls) call.refuse('call_ambiguous');
      return this.#answer.calls;
    }
    this.#events.push(...settled.events);
    return [...this.#answer.calls.slice(0, this.#callsBefore), ...settled.calls];
  }
}

/** The last call of an answer that ran into its limit was cut, even where it looks whole. */
function isComplete({ closed, refused }: CallWriter, reason: FinishReason, isLast: boolean): boolean {
  if (!closed || refused !== undefined || reason === 'abort' || reason === 'content_filter') return false;
  return reason !== 'length' || !isLast;
}

function finishOf(reason: FinishReason, hasCalls: boolean): FinishReason {
  if (reason !== 'stop' && reason !== 'tool_calls') return reason;
  return hasCalls ? 'tool_calls' : 'stop';
}
