// Owns the inside of a call that is written with marks: parameters, values, what closes them. Knows nothing outside of the call.
import type { CallWriter } from './call.ts';
import type { Item } from './marks.ts';

/**
 * How a value goes on that holds marks of calls. `live`: stop and ask. `nested`: they are text of the value, which ends at a mark of
 * its own. `flat`: marks of the call were left out.
 */
export type Mode = 'live' | 'nested' | 'flat';
export type Mark = Exclude<Item, { readonly kind: 'text' }>;
/** `in`: the call goes on. `left`: it ended with this item. `next`: it ended before this item. */
export type Outcome = 'in' | 'left' | 'next';

type Phase = 'function' | 'value' | 'value_end' | 'function_end';

export interface Surroundings {
  readonly mode: Mode;
  /** The call was opened by a mark of its own, so it needs a closing one. */
  readonly needsEnd: boolean;
  readonly isTool: (name: string) => boolean;
}

export class CallBody {
  readonly call: CallWriter;
  /** False: this reading cannot be what was meant. */
  isSound = true;
  /** `live` only: a mark stands in a value, and what it means shows at the end. */
  isInDoubt = false;
  readonly #around: Surroundings;
  #phase: Phase;
  /** What looks like the end of the value, and the white space after it. */
  #held = '';
  /** The value so far ends a line, and no mark of its end was taken for text. */
  #endsLine = true;
  #passedEnd = false;
  #nested: ('calls' | 'function' | 'parameter')[] = [];

  constructor(call: CallWriter, around: Surroundings, phase: 'function' | 'function_end') {
    this.call = call;
    this.#around = around;
    this.#phase = phase;
  }

  get isInValue(): boolean {
    return this.#phase === 'value';
  }

  take(item: Item): Outcome {
    switch (this.#phase) {
      case 'value':
        return this.#inValue(item);
      case 'value_end':
        return this.#afterValue(item);
      case 'function':
        return this.#inFunction(item);
      case 'function_end':
        return this.#afterFunction(item);
    }
    return 'in';
  }

  #inFunction(item: Item): Outcome {
    if (isBlank(item)) return 'in';
    if (item.kind === 'parameter') return this.#openValue(item);
    if (item.kind === 'function_end') return this.#close('in');
    if (item.kind === 'calls_end') {
      this.call.repair('call_not_closed');
      return this.#close('left');
    }
    const isNext = item.kind === 'calls' || (item.kind === 'function' && this.#around.isTool(item.name));
    if (!isNext) return this.#refuse();
    this.call.repair('call_not_closed');
    return this.#close('next');
  }

  #openValue(mark: Mark): Outcome {
    this.call.openValue(mark.name);
    if (this.call.refused !== undefined) this.isSound = false;
    this.#nested = [];
    this.#endsLine = true;
    this.#passedEnd = false;
    this.#phase = 'value';
    return 'in';
  }

  #inValue(item: Item): Outcome {
    if (item.kind === 'parameter_end' && this.#nested.at(-1) !== 'parameter') {
      this.#held = item.raw;
      this.#phase = 'value_end';
    } else if (isPlain(item)) this.#append(item.raw);
    else if (this.#around.mode === 'live') this.isInDoubt = true;
    else if (this.#around.mode === 'flat') return this.#closeMissing(item);
    else this.#nest(item);
    return 'in';
  }

  #nest(item: Item): void {
    const top = this.#nested.at(-1);
    if (item.kind === 'calls' || item.kind === 'function' || item.kind === 'parameter') this.#nested.push(item.kind);
    else if (top !== undefined && item.kind === `${top}_end`) this.#nested.pop();
    this.#append(item.raw);
  }

  #append(text: string): void {
    const line = text.slice(text.lastIndexOf('\n') + 1);
    this.#endsLine = line.trim() === '' && (line.length < text.length || this.#endsLine);
    this.call.append(text);
  }

  /** The value's own end was left out. */
  #closeMissing(item: Item): Outcome {
    const isNext = item.kind === 'parameter' && this.#endsLine && this.call.mayTake(item.name);
    if (this.#passedEnd) this.isSound = false;
    if (!isNext && item.kind !== 'function_end' && item.kind !== 'calls_end') this.isSound = false;
    this.call.closeValue();
    this.call.repair('parameter_not_closed');
    this.#phase = 'function';
    return this.#inFunction(item);
  }

  #afterValue(item: Item): Outcome {
    if (isBlank(item)) this.#held += item.raw;
    else if (item.kind === 'parameter_end') {
      this.#append(this.#held);
      this.#passedEnd = true;
      this.#held = item.raw;
    } else if (isPlain(item)) {
      this.#append(this.#held + item.raw);
      this.#passedEnd = true;
      this.#phase = 'value';
    } else {
      this.call.closeValue();
      this.#phase = 'function';
      return this.#inFunction(item);
    }
    return 'in';
  }

  #close(outcome: Outcome): Outcome {
    this.call.closeArguments();
    this.call.closed = true;
    this.#phase = 'function_end';
    return outcome;
  }

  #afterFunction(item: Item): Outcome {
    if (isBlank(item)) return 'in';
    if (item.kind === 'calls_end') return 'left';
    if (this.#around.mode === 'flat' && item.kind !== 'function' && item.kind !== 'calls') this.isSound = false;
    this.#notClosed();
    return 'next';
  }

  #notClosed(): void {
    if (this.#around.needsEnd) this.call.repair('call_not_closed');
  }

  #refuse(): Outcome {
    this.isSound = false;
    this.call.refuse('call_ambiguous');
    return 'in';
  }

  /** `stopped`: the model ended its answer by itself, so that only closing marks can be missing. */
  end(stopped: boolean): void {
    if (this.#phase === 'function_end') return this.#notClosed();
    if (this.#phase === 'value_end' && stopped) {
      this.call.closeValue();
      this.#phase = 'function';
    }
    if (this.#phase === 'function' && stopped && this.call.hasParameters) {
      this.call.repair('call_not_closed');
      this.#close('left');
      return undefined;
    }
    this.isSound = false;
    return this.call.refuse('call_cut');
  }
}

function isBlank(item: Item): boolean {
  return item.kind === 'text' && item.raw.trim() === '';
}

/** What has no meaning inside of a value. */
function isPlain({ kind }: Item): boolean {
  return kind === 'text' || kind === 'think' || kind === 'think_end' || kind === 'stop';
}
