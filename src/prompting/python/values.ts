// Owns the values of a template as Python has them: whole numbers and fractions apart, ordered dicts, tuples, undefined. Knows no template.

/** A whole number is a `bigint`, a fraction a `number`: Python prints 1 and 1.0 differently. A list is an array. */
export type PyValue =
  | null
  | boolean
  | bigint
  | number
  | string
  | Markup
  | Undefined
  | PyList
  | PyTuple
  | PyDict
  | PyIterator
  | PyRange
  | PyFunction
  | PyObject;

export type PyList = readonly PyValue[];
export type Keywords = ReadonlyMap<string, PyValue>;

/** What Python would raise. The text is what a person reads when a template refuses a conversation. */
export class PyError extends Error {
  readonly kind: string;
  /** Line of the template, known once the error passed the statement. */
  line: number | undefined;

  constructor(kind: string, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** A name or a member that is not there. It prints as nothing; most other uses of it are refused with `message`. */
export class Undefined {
  readonly message: string;
  readonly kind: string;

  constructor(message: string, kind = 'UndefinedError') {
    this.message = message;
    this.kind = kind;
  }

  refuse(): never {
    throw new PyError(this.kind, this.message);
  }
}

/** Text that was marked safe: what is added to it is escaped for HTML. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** `names`: those of a named tuple. */
export class PyTuple {
  readonly items: PyList;
  readonly names: readonly string[];

  constructor(items: PyList, names: readonly string[] = []) {
    this.items = items;
    this.names = names;
  }
}

/** Numbers without end in sight are not made: `start`, `stop` and `step` are enough. */
export class PyRange {
  readonly start: bigint;
  readonly stop: bigint;
  readonly step: bigint;

  constructor(start: bigint, stop: bigint, step: bigint) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  get length(): number {
    const span = this.step > 0n ? this.stop - this.start : this.start - this.stop;
    const size = this.step > 0n ? this.step : -this.step;
    return span <= 0n ? 0 : Number((span + size - 1n) / size);
  }

  *values(): Generator<bigint> {
    for (let index = 0n; index < BigInt(this.length); index += 1n) yield this.start + index * this.step;
  }
}

/** A generator: it can be gone through once, is always true, and has no length. */
export class PyIterator {
  readonly name: string;
  readonly #items: Iterator<PyValue>;

  constructor(items: Iterator<PyValue>, name = 'generator') {
    this.#items = items;
    this.name = name;
  }

  *values(): Generator<PyValue> {
    for (;;) {
      const { value, done } = this.#items.next();
      if (done === true) return;
      yield value;
    }
  }
}

export type PyCall = (positional: PyList, named: Keywords) => PyValue;

export class PyFunction {
  readonly name: string;
  readonly call: PyCall;
  /** Attributes of a macro. */
  readonly members: Keywords;

  constructor(name: string, call: PyCall, members: Keywords = new Map()) {
    this.name = name;
    this.call = call;
    this.members = members;
  }
}

/** An object of Jinja itself: a namespace, a loop, a joiner. */
export abstract class PyObject {
  abstract readonly typeName: string;
  abstract member(name: string): PyValue | undefined;

  text(): string {
    return `<${this.typeName}>`;
  }

  call(_positional: PyList, _named: Keywords): PyValue {
    throw new PyError('TypeError', `'${this.typeName}' object is not callable`);
  }
}

/** Keys keep the order in which they came first. 1, 1.0 and True are one key, as in Python. */
export class PyDict {
  readonly #entries = new Map<string | bigint | number | null, readonly [PyValue, PyValue]>();

  static from(entries: Iterable<readonly [PyValue, PyValue]>): PyDict {
    const made = new PyDict();
    for (const [key, value] of entries) made.set(key, value);
    return made;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: PyValue): PyValue | undefined {
    return this.#entries.get(keyOf(key))?.[1];
  }

  has(key: PyValue): boolean {
    return this.#entries.has(keyOf(key));
  }

  /** Only while the dict is made. */
  set(key: PyValue, value: PyValue): void {
    const known = keyOf(key);
    this.#entries.set(known, [this.#entries.get(known)?.[0] ?? key, value]);
  }

  entries(): IterableIterator<readonly [PyValue, PyValue]> {
    return this.#entries.values();
  }

  keys(): PyValue[] {
    return [...this.#entries.values()].map(([key]) => key);
  }

  values(): PyValue[] {
    return [...this.#entries.values()].map(([, value]) => value);
  }
}

/** What two equal values have in common; lists and dicts have no such thing and are refused. */
export function keyOf(value: PyValue): string | bigint | number | null {
  if (value === null || typeof value === 'string' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : value;
  if (value instanceof Markup) return value.text;
  if (value instanceof PyTuple)
    return `\0${value.items.map((item) => `${typeof keyOf(item)}:${String(keyOf(item))}`).join('\0')}`;
  if (value instanceof Undefined) return '\0undefined';
  throw new PyError('TypeError', `unhashable type: '${typeNameOf(value)}'`);
}

/** Python's name of the type. */
export function typeNameOf(value: PyValue): string {
  if (value === null) return 'NoneType';
  if (typeof value !== 'object') return PRIMITIVES[typeof value as keyof typeof PRIMITIVES];
  if (Array.isArray(value)) return 'list';
  if (value instanceof PyObject) return value.typeName;
  if (value instanceof PyIterator) return value.name;
  return CLASSES.find(([type]) => value instanceof type)?.[1] ?? 'object';
}

const PRIMITIVES = { boolean: 'bool', bigint: 'int', number: 'float', string: 'str' } as const;
const CLASSES = [
  [Markup, 'Markup'],
  [Undefined, 'Undefined'],
  [PyTuple, 'tuple'],
  [PyRange, 'range'],
  [PyDict, 'dict'],
  [PyFunction, 'function'],
] as const;

export function isList(value: PyValue): value is PyList {
  return Array.isArray(value);
}

/** The text of a `str`; undefined for every other type. */
export function stringOf(value: PyValue): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Markup ? value.text : undefined;
}

/** Boolean counts as a whole number, as in Python. */
export function isNumber(value: PyValue): value is boolean | bigint | number {
  return typeof value === 'bigint' || typeof value === 'number' || typeof value === 'boolean';
}
