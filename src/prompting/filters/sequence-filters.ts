// Owns the filters of Jinja that go through several values. Knows no statement.
import { operate } from '../python/arithmetic.ts';
import { found, subscript } from '../python/members.ts';
import { compare, isTrue, iterate, requireLength, sorted } from '../python/order.ts';
import { pointsOf } from '../python/spaces.ts';
import { textOf } from '../python/text.ts';
import {
  type Keywords,
  keyOf,
  PyDict,
  PyError,
  PyIterator,
  type PyList,
  PyTuple,
  type PyValue,
  stringOf,
  typeNameOf,
  Undefined,
} from '../python/values.ts';
import type { Given, PlainFilter } from './text-filters.ts';

type Key = (item: PyValue) => PyValue;

export const SEQUENCE_FILTERS: ReadonlyMap<string, PlainFilter> = new Map<string, PlainFilter>([
  ['length', [[], requireLength]],
  ['count', [[], requireLength]],
  ['list', [[], (value) => [...iterate(value)]]],
  ['items', [[], items]],
  ['first', [[], first]],
  ['last', [[], last]],
  ['join', [['d', 'attribute'], join]],
  ['sort', [['reverse', 'case_sensitive', 'attribute'], sort]],
  ['dictsort', [['case_sensitive', 'by', 'reverse'], dictSort]],
  ['unique', [['case_sensitive', 'attribute'], (value, given) => new PyIterator(unique(value, given))]],
  ['groupby', [['attribute', 'default', 'case_sensitive'], groupBy]],
  ['min', [['case_sensitive', 'attribute'], (value, given) => extreme(value, given, '<')]],
  ['max', [['case_sensitive', 'attribute'], (value, given) => extreme(value, given, '>')]],
  ['sum', [['attribute', 'start'], sum]],
  ['reverse', [[], reverse]],
  ['batch', [['linecount', 'fill_with'], (value, given) => new PyIterator(batches(value, given))]],
  ['slice', [['slices', 'fill_with'], (value, given) => new PyIterator(slices(value, given))]],
]);

function first(value: PyValue): PyValue {
  return found([...take(iterate(value), 1)][0], () => new Undefined('No first item, sequence was empty.'));
}

function* take(values: Iterable<PyValue>, count: number): Generator<PyValue> {
  let left = count;
  for (const value of values) {
    yield value;
    left -= 1;
    if (left <= 0) return;
  }
}

function items(value: PyValue): PyValue {
  if (value instanceof Undefined) return new PyIterator([][Symbol.iterator]());
  if (!(value instanceof PyDict)) throw new PyError('TypeError', 'Can only get item pairs from a mapping.');
  return new PyIterator(Array.from(value.entries(), (pair) => new PyTuple(pair)).values());
}

function last(value: PyValue): PyValue {
  if (value instanceof PyIterator) throw new PyError('TypeError', `'${value.name}' object is not reversible`);
  return found([...iterate(value)].at(-1), () => new Undefined('No last item, sequence was empty.'));
}

function join(value: PyValue, [separator = '', attribute = null]: Given): PyValue {
  const read = attribute === null ? undefined : reader(attribute);
  return Array.from(iterate(value), (item) => textOf(read === undefined ? item : read(item))).join(textOf(separator));
}

/** Reads what `a.b.0` names of an item. `otherwise`: what an undefined value is taken for. */
export function reader(attribute: PyValue, otherwise: PyValue = null): Key {
  const text = stringOf(attribute);
  const parts: PyList =
    text === undefined ? [attribute] : text.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part));
  return (item) => {
    let value = item;
    for (const part of parts) {
      value = subscript(value, part);
      if (otherwise !== null && value instanceof Undefined) value = otherwise;
    }
    return value;
  };
}

function keyFor(attribute: PyValue | undefined, caseSensitive: PyValue | undefined, otherwise?: PyValue): Key {
  const read = attribute === undefined || attribute === null ? (item: PyValue) => item : reader(attribute, otherwise);
  return (item) => {
    const value = read(item);
    return isTrue(caseSensitive ?? false) || stringOf(value) === undefined ? value : textOf(value).toLowerCase();
  };
}

function sort(value: PyValue, [reverse = false, caseSensitive, attribute = null]: Given): PyValue {
  const names = stringOf(attribute)?.split(',') ?? [attribute];
  const keys = names.map((name) => keyFor(name, caseSensitive));
  return sorted([...iterate(value)], (item) => keys.map((key) => key(item)), isTrue(reverse));
}

function dictSort(value: PyValue, [caseSensitive, by = 'key', reverse = false]: Given): PyValue {
  if (!(value instanceof PyDict))
    throw new PyError('UndefinedError', `'${typeNameOf(value)}' object has no attribute 'items'`);
  if (by !== 'key' && by !== 'value')
    throw new PyError('FilterArgumentError', 'You can only sort by either "key" or "value"');
  const key = keyFor(null, caseSensitive);
  const pairs = sorted([...value.entries()], (pair) => key(pair[by === 'key' ? 0 : 1]), isTrue(reverse));
  return pairs.map((pair) => new PyTuple(pair));
}

function* unique(value: PyValue, [caseSensitive, attribute]: Given): Generator<PyValue> {
  const seen = new Set<unknown>();
  const key = keyFor(attribute, caseSensitive);
  for (const item of iterate(value)) {
    const known = keyOf(key(item));
    if (!seen.has(known)) yield item;
    seen.add(known);
  }
}

function groupBy(value: PyValue, [attribute = null, otherwise = null, caseSensitive]: Given): PyValue {
  const key = keyFor(attribute, caseSensitive, otherwise);
  const real = keyFor(attribute, true, otherwise);
  const groups: PyValue[][] = [];
  for (const item of sorted([...iterate(value)], key, false)) {
    const group = groups.at(-1);
    const [first] = group ?? [];
    if (group === undefined || first === undefined || keyOf(key(first)) !== keyOf(key(item))) groups.push([item]);
    else group.push(item);
  }
  return groups.map((group) => new PyTuple([real(group[0] ?? null), group], ['grouper', 'list']));
}

function extreme(value: PyValue, [caseSensitive, attribute]: Given, sign: '<' | '>'): PyValue {
  const key = keyFor(attribute, caseSensitive);
  const [first, ...rest] = iterate(value);
  if (first === undefined) return new Undefined('No aggregated item, sequence was empty.');
  return rest.reduce((best, item) => (compare(key(item), key(best), sign) ? item : best), first);
}

function sum(value: PyValue, [attribute = null, start = 0n]: Given): PyValue {
  const read = attribute === null ? (item: PyValue) => item : reader(attribute);
  let total = start;
  for (const item of iterate(value)) total = operate('+', total, read(item));
  return total;
}

function reverse(value: PyValue): PyValue {
  const text = stringOf(value);
  if (text !== undefined) return pointsOf(text).toReversed().join('');
  const turned = [...iterate(value)].toReversed();
  return value instanceof PyIterator ? turned : new PyIterator(turned.values(), 'list_reverseiterator');
}

function* batches(value: PyValue, [count = 1n, fill = null]: Given): Generator<PyValue> {
  const size = Number(count);
  let batch: PyValue[] = [];
  for (const item of iterate(value)) {
    if (batch.length === size) {
      yield batch;
      batch = [];
    }
    batch.push(item);
  }
  if (batch.length === 0) return;
  const missing = fill === null ? 0 : Math.max(0, size - batch.length);
  yield [...batch, ...Array.from({ length: missing }, () => fill)];
}

function* slices(value: PyValue, [count = 1n, fill = null]: Given): Generator<PyValue> {
  const all = [...iterate(value)];
  const size = Number(count);
  if (size === 0) throw new PyError('ZeroDivisionError', 'integer division or modulo by zero');
  const [each, extra] = [Math.floor(all.length / size), all.length % size];
  let at = 0;
  for (let index = 0; index < size; index += 1) {
    const end = at + each + (index < extra ? 1 : 0);
    const part = all.slice(at, end);
    yield fill !== null && index >= extra ? [...part, fill] : part;
    at = end;
  }
}

export type Apply = (name: string, value: PyValue, positional: PyList, named: Keywords) => PyValue;

/** `map`: by an attribute, or by a filter that `apply` runs. */
export function* mapped(value: PyValue, positional: PyList, named: Keywords, apply: Apply): Generator<PyValue> {
  if (!isTrue(value)) return;
  const attribute = named.get('attribute');
  const [name, ...rest] = positional;
  if (name === undefined && attribute === undefined)
    throw new PyError('FilterArgumentError', 'map requires a filter argument');
  const read = attribute === undefined ? undefined : reader(attribute, named.get('default') ?? null);
  for (const item of iterate(value))
    yield read !== undefined && name === undefined ? read(item) : apply(textOf(name ?? ''), item, rest, named);
}

/** `select`, `reject`, `selectattr`, `rejectattr`: `test` runs the check of that name. */
export function* picked(
  value: PyValue,
  given: PyList,
  { byAttribute, keeps }: { readonly byAttribute: boolean; readonly keeps: boolean },
  test: (name: string, value: PyValue, given: PyList) => boolean,
): Generator<PyValue> {
  if (!isTrue(value)) return;
  if (byAttribute && given[0] === undefined)
    throw new PyError('FilterArgumentError', 'Missing parameter for attribute name');
  const read = byAttribute ? reader(given[0] ?? null) : (item: PyValue) => item;
  const [name, ...rest] = byAttribute ? given.slice(1) : given;
  for (const item of iterate(value)) {
    const found = name === undefined ? isTrue(read(item)) : test(textOf(name), read(item), rest);
    if (found === keeps) yield item;
  }
}
