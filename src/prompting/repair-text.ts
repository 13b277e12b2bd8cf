// Owns the reading of text that an engine's own parser left as it was: calls in the text or in the thought. Knows no engine.
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelProfile } from '../contracts/model-profile.ts';
import type { ModelEvent } from '../contracts/model-events.ts';
import type { OutputReader } from './format.ts';
import { guardAgainst } from './guard.ts';
import { outputReader } from './output/reader.ts';

export type Repair = (events: AsyncIterable<ModelEvent>) => AsyncGenerator<ModelEvent>;

/**
 * Reads text and thoughts of the events again, as a model writes them. As soon as the engine tells a call of its own, its parser is
 * known to work, and everything after that passes as it is.
 */
export function repairText(request: ChatRequest, profile: ModelProfile): Repair {
  return async function* (events) {
    const text = new Rereading(request, profile);
    for await (const event of events) yield* text.take(event);
    yield* text.cut();
  };
}

class Rereading {
  readonly #request: ChatRequest;
  readonly #profile: ModelProfile;
  #reader: OutputReader | undefined;
  #isThinking = false;
  #passes = false;

  constructor(request: ChatRequest, profile: ModelProfile) {
    this.#request = request;
    this.#profile = profile;
  }

  take(event: ModelEvent): readonly ModelEvent[] {
    if (this.#passes) return [event];
    if (event.type === 'reasoning' || event.type === 'text') return this.#read(event.type === 'reasoning', event.text);
    if (event.type === 'finish') return this.#end(event);
    if (event.type !== 'tool_call' && event.type !== 'error') return [event];
    return [...this.cut(), event];
  }

  #read(isThinking: boolean, text: string): readonly ModelEvent[] {
    if (this.#reader === undefined) {
      this.#isThinking = isThinking;
      const parts = { profile: this.#profile, guard: guardAgainst([]) };
      this.#reader = outputReader(this.#request, parts, isThinking);
    }
    const { thinkingStart, thinkingEnd } = this.#profile.output;
    const mark = isThinking === this.#isThinking ? '' : isThinking ? thinkingStart : thinkingEnd;
    this.#isThinking = isThinking;
    return this.#reader.push(mark + text);
  }

  #end(event: Extract<ModelEvent, { readonly type: 'finish' }>): readonly ModelEvent[] {
    this.#passes = true;
    if (this.#reader === undefined) return [event];
    const last = this.#reader.end(event.reason);
    return last.map((made) => (made.type === 'finish' && made.reason === event.reason ? event : made));
  }

  /** What was held back, without an end: the engine goes on by itself, or has failed. */
  cut(): readonly ModelEvent[] {
    const reader = this.#reader;
    this.#passes = true;
    this.#reader = undefined;
    return reader === undefined ? [] : reader.end('abort').filter(({ type }) => type !== 'finish');
  }
}
