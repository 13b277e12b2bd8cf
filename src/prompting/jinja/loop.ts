// Owns what a template sees of the loop it is in, and the other objects of Jinja: namespace, cycler, joiner. Knows no statement.
import { found } from '../python/members.ts';
import { textOf } from '../python/text.ts';
import { equals, iterate } from '../python/order.ts';
import {
  type Keywords,
  PyDict,
  PyError,
  PyFunction,
  type PyList,
  PyObject,
  type PyValue,
  Undefined,
} from '../python/values.ts';

/** `loop`. */
export class LoopObject extends PyObject {
  override readonly typeName = 'LoopContext';
  readonly #items: PyList;
  readonly #depth: number;
  readonly #recurse: ((items: PyValue) => PyValue) | undefined;
  #index = -1;
  #changed: PyList | undefined;

  constructor(items: PyList, depth: number, recurse: ((items: PyValue) => PyValue) | undefined) {
    super();
    this.#items = items;
    this.#depth = depth;
    this.#recurse = recurse;
  }

  advance(): void {
    this.#index += 1;
  }

  override member(name: string): PyValue | undefined {
    const [index, length] = [this.#index, this.#items.length];
    switch (name) {
      case 'index0':
        return BigInt(index);
      case 'index':
        return BigInt(index + 1);
      case 'revindex0':
        return BigInt(length - index - 1);
      case 'revindex':
        return BigInt(length - index);
      case 'first':
        return index === 0;
      case 'last':
        return index === length - 1;
      case 'length':
        return BigInt(length);
      default:
        return this.#rareMember(name);
    }
  }

  #rareMember(name: string): PyValue | undefined {
    switch (name) {
      case 'depth':
        return BigInt(this.#depth + 1);
      case 'depth0':
        return BigInt(this.#depth);
      case 'previtem':
        return this.#index === 0 ? new Undefined('there is no previous item') : this.#items[this.#index - 1];
      case 'nextitem':
        return found(this.#items[this.#index + 1], () => new Undefined('there is no next item'));
      case 'cycle':
        return new PyFunction(name, (values) => this.#cycle(values));
      case 'changed':
        return new PyFunction(name, (values) => this.#hasChanged(values));
      default:
        return undefined;
    }
  }

  #cycle(values: PyList): PyValue {
    if (values.length === 0) throw new PyError('TypeError', 'no items for cycling given');
    return values[this.#index % values.length] ?? null;
  }

  #hasChanged(values: PyList): boolean {
    const before = this.#changed;
    this.#changed = values;
    return before === undefined || !equals(before, values);
  }

  override text(): string {
    return `<LoopContext ${this.#index + 1}/${this.#items.length}>`;
  }

  override call(positional: PyList): PyValue {
    if (this.#recurse === undefined)
      throw new PyError('TypeError', "The loop must have the 'recursive' marker to be called recursively.");
    return this.#recurse(positional[0] ?? null);
  }
}

/** The one object whose members a template may set. */
export class Namespace extends PyObject {
  override readonly typeName = 'Namespace';
  readonly #members = new Map<string, PyValue>();

  override member(name: string): PyValue | undefined {
    return this.#members.get(name);
  }

  set(name: string, value: PyValue): void {
    this.#members.set(name, value);
  }

  override text(): string {
    throw new PyError('TypeError', 'a namespace was printed');
  }
}

class Cycler extends PyObject {
  override readonly typeName = 'Cycler';
  readonly #items: PyList;
  #at = 0;

  constructor(items: PyList) {
    super();
    if (items.length === 0) throw new PyError('TypeError', 'at least one item has to be provided');
    this.#items = items;
  }

  override member(name: string): PyValue | undefined {
    if (name === 'current') return this.#items[this.#at];
    if (name === 'next') return new PyFunction(name, () => this.#next());
    return name === 'reset' ? new PyFunction(name, () => this.#reset()) : undefined;
  }

  #next(): PyValue {
    const item = this.#items[this.#at] ?? null;
    this.#at = (this.#at + 1) % this.#items.length;
    return item;
  }

  #reset(): null {
    this.#at = 0;
    return null;
  }
}

class Joiner extends PyObject {
  override readonly typeName = 'Joiner';
  readonly #separator: PyValue;
  #used = false;

  constructor(separator: PyValue) {
    super();
    this.#separator = separator;
  }

  override member(): undefined {
    return undefined;
  }

  override call(): PyValue {
    const before = this.#used;
    this.#used = true;
    return before ? this.#separator : '';
  }
}

export function makeNamespace([given]: PyList, named: Keywords): Namespace {
  const made = new Namespace();
  if (given instanceof PyDict) for (const [key, value] of given.entries()) made.set(textOf(key), value);
  for (const [name, value] of named) made.set(name, value);
  return made;
}

export function makeDict([given]: PyList, named: Keywords): PyDict {
  const pairs = given instanceof PyDict ? given.entries() : given === undefined ? [] : pairsOf(given);
  return PyDict.from([...pairs, ...named]);
}

function pairsOf(given: PyValue): (readonly [PyValue, PyValue])[] {
  return Array.from(iterate(given), (pair) => {
    const [key = null, value = null] = iterate(pair);
    return [key, value] as const;
  });
}

export function makeCycler(items: PyList): PyObject {
  return new Cycler(items);
}

export function makeJoiner([separator]: PyList): PyObject {
  return new Joiner(separator ?? ', ');
}
