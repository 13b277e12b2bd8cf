// Owns the question whether a call inside of a thought is meant or only thought of. Knows no value and no stream.
import { beginsJson } from './json-calls.ts';
import type { Item } from './marks.ts';

/** `call`: a whole call, and nothing but it so far. `draft`: the thought went on, or the answer came after it. */
export type Judgement = 'open' | 'call' | 'draft';

/** A call in a thought counts if it is whole and the answer ends with it; if more follows, the model only thought of it. */
export class ThoughtCall {
  readonly items: Item[] = [];
  #phase: 'opened' | 'inside' | 'after' | 'closed' = 'opened';
  /** Text behind the opening mark, until it shows what it is. */
  #begun = '';
  readonly #isTool: (name: string) => boolean;

  constructor(isTool: (name: string) => boolean) {
    this.#isTool = isTool;
  }

  take(item: Item): Judgement {
    this.items.push(item);
    if (this.items.length === 1) return 'open';
    if (this.#phase === 'inside') {
      if (item.kind === 'calls_end') this.#phase = 'after';
    } else if (item.kind !== 'text' || item.raw.trim() !== '') return this.#step(item);
    return this.judgement;
  }

  #step(item: Item): Judgement {
    if (this.#phase === 'opened') return this.#open(item);
    if (this.#phase === 'closed') return 'draft';
    if (item.kind === 'calls') {
      this.#phase = 'opened';
      this.#begun = '';
    } else if (item.kind === 'think_end') this.#phase = 'closed';
    else return 'draft';
    return this.judgement;
  }

  #open(item: Item): Judgement {
    if (item.kind === 'text') this.#begun += item.raw;
    if (this.#begun.trim() === '[' && item.kind === 'text') return 'open';
    const begins =
      item.kind === 'text'
        ? beginsJson(this.#begun)
        : item.kind === 'function' && this.#begun === '' && this.#isTool(item.name);
    if (!begins) return 'draft';
    this.#phase = 'inside';
    return 'open';
  }

  get judgement(): Judgement {
    return this.#phase === 'after' || this.#phase === 'closed' ? 'call' : 'open';
  }
}
