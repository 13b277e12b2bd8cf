// Owns the text and the thoughts of an answer as they are told: white space at their edges, fences of code. Knows no call.
import type { Guard, Restorer } from '../guard.ts';
import type { Emit } from './call.ts';

/** White space before the first word and after the last one is left out where a mark stands beside it. */
export class Speech {
  readonly #type: 'text' | 'reasoning';
  readonly #emit: Emit;
  readonly #restorer: Restorer;
  #held = '';
  #trimStart: boolean;
  #line = '';
  #inFence = false;
  said = false;

  constructor(type: 'text' | 'reasoning', emit: Emit, guard: Guard, trimStart: boolean) {
    this.#type = type;
    this.#emit = emit;
    this.#restorer = guard.restorer();
    this.#trimStart = trimStart;
  }

  push(text: string): void {
    this.#watch(text);
    let rest = text;
    if (this.#trimStart) {
      rest = text.trimStart();
      if (rest === '') return;
      this.#trimStart = false;
    }
    const edge = rest.trimEnd().length;
    if (edge === 0) {
      this.#held += rest;
      return;
    }
    this.#say(this.#held + rest.slice(0, edge));
    this.#held = rest.slice(edge);
  }

  #say(text: string): void {
    this.said = true;
    const told = this.#restorer.push(text);
    if (told !== '') this.#emit({ type: this.#type, text: told });
  }

  /** A mark comes: white space before it is left out, and so is what follows it, if `trimAfter`. */
  pause(trimAfter: boolean): void {
    this.#held = '';
    this.#trimStart = trimAfter;
    this.#line = '';
  }

  end(): void {
    const told = this.#restorer.push(this.#held) + this.#restorer.end();
    this.#held = '';
    if (told !== '') this.#emit({ type: this.#type, text: told });
  }

  /** Only white space stands before this place on its line. */
  get isAtLineStart(): boolean {
    return this.#line.trim() === '';
  }

  get isInFence(): boolean {
    return this.#inFence;
  }

  /** The beginning of the line is enough to see a fence. */
  #watch(text: string): void {
    for (const [index, line] of text.split('\n').entries()) {
      if (index > 0) this.#line = '';
      const before = isFence(this.#line);
      if (this.#line.length < 100) this.#line += line.slice(0, 100);
      if (!before && isFence(this.#line)) this.#inFence = !this.#inFence;
    }
  }
}

function isFence(line: string): boolean {
  return /^\s*(?:```|~~~)/.test(line);
}
