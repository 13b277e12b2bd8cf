// Owns the names that are known at one place of a template, and the ceilings of one rendering. Knows no statement.
import { checkLength } from '../python/arithmetic.ts';
import { type Keywords, PyError, type PyList, type PyValue, Undefined } from '../python/values.ts';

/** Steps of one rendering: a long conversation takes some ten thousand. */
const MOST_STEPS = 3_000_000;
const DEEPEST = 150;

/** Counts what one rendering does, so that no template goes on for ever. */
export class Meter {
  #steps = 0;
  #depth = 0;
  readonly now: () => Date;

  constructor(now: () => Date) {
    this.now = now;
  }

  step(): void {
    this.#steps += 1;
    if (this.#steps > MOST_STEPS)
      throw new PyError('Limit', `the template took more than ${MOST_STEPS} steps: does it go on for ever?`);
  }

  /** Runs one call of a macro. */
  within<Result>(run: () => Result): Result {
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw new PyError('RecursionError', `macros call each other more than ${DEEPEST} deep`);
    try {
      return run();
    } finally {
      this.#depth -= 1;
    }
  }
}

/** Names are set in the innermost scope; a scope inside sees the names of those around it. */
export class Scope {
  readonly #names = new Map<string, PyValue>();
  readonly #outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.#outer = outer;
  }

  get(name: string): PyValue {
    const own = this.#names.get(name);
    if (own !== undefined) return own;
    for (let scope = this.#outer; scope !== undefined; scope = scope.#outer) {
      const value = scope.#names.get(name);
      if (value !== undefined) return value;
    }
    return new Undefined(`'${name}' is undefined`);
  }

  set(name: string, value: PyValue): void {
    this.#names.set(name, value);
  }
}

/** Text as it is made; too much of it is refused. */
export class Output {
  readonly #parts: string[] = [];
  #length = 0;

  write(text: string): void {
    this.#length += text.length;
    checkLength(this.#length);
    this.#parts.push(text);
  }

  text(): string {
    return this.#parts.join('');
  }
}

/** The values of parameters by their names, wherever they were given; undefined: not given. Too many are refused. */
export function bind(
  called: string,
  names: readonly string[],
  positional: PyList,
  named: Keywords,
): (PyValue | undefined)[] {
  if (positional.length > names.length)
    throw new PyError('TypeError', `${called}() takes ${names.length} arguments but ${positional.length} were given`);
  for (const name of named.keys()) {
    const at = names.indexOf(name);
    if (at === -1) throw new PyError('TypeError', `${called}() got an unexpected keyword argument '${name}'`);
    if (at < positional.length)
      throw new PyError('TypeError', `${called}() got multiple values for argument '${name}'`);
  }
  return names.map((name, index) => (index < positional.length ? positional[index] : named.get(name)));
}
