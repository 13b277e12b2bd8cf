// Owns truth, equality, order, length, membership and iteration as Python has them. Knows no template.
import { pointCount, pointsOf } from './spaces.ts';
import {
  isList,
  isNumber,
  PyDict,
  PyError,
  PyFunction,
  PyIterator,
  type PyList,
  PyObject,
  PyRange,
  PyTuple,
  type PyValue,
  stringOf,
  typeNameOf,
  Undefined,
} from './values.ts';

export function isTrue(value: PyValue): boolean {
  if (value === null || value instanceof Undefined) return false;
  if (typeof value !== 'object') return Boolean(value);
  return lengthOf(value) !== 0;
}

/** `len(value)`; undefined where Python has none. */
export function lengthOf(value: PyValue): number | undefined {
  const text = stringOf(value);
  if (text !== undefined) return pointCount(text);
  if (value === null || typeof value !== 'object') return undefined;
  if (isList(value) || value instanceof PyRange) return value.length;
  if (value instanceof PyTuple) return value.items.length;
  if (value instanceof PyDict) return value.size;
  return value instanceof Undefined ? 0 : undefined;
}

export function requireLength(value: PyValue): bigint {
  const length = lengthOf(value);
  if (length === undefined) throw new PyError('TypeError', `object of type '${typeNameOf(value)}' has no len()`);
  return BigInt(length);
}

export function isIterable(value: PyValue): boolean {
  return lengthOf(value) !== undefined || value instanceof PyIterator;
}

export function* iterate(value: PyValue): Generator<PyValue> {
  const text = stringOf(value);
  if (text !== undefined) yield* pointsOf(text);
  else if (isList(value)) yield* value;
  else if (value instanceof PyTuple) yield* value.items;
  else if (value instanceof PyDict) yield* value.keys();
  else if (value instanceof PyRange || value instanceof PyIterator) yield* value.values();
  else if (!(value instanceof Undefined))
    throw new PyError('TypeError', `'${typeNameOf(value)}' object is not iterable`);
}

export function equals(left: PyValue, right: PyValue): boolean {
  if (left === right) return true;
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right) === 0;
  const text = stringOf(left);
  if (text !== undefined) return text === stringOf(right);
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false;
  return containersEqual(left, right);
}

type Container = Exclude<PyValue, string | number | bigint | boolean | null>;

function containersEqual(left: Container, right: Container): boolean {
  if (isList(left)) return isList(right) && itemsEqual(left, right);
  if (left instanceof PyTuple) return right instanceof PyTuple && itemsEqual(left.items, right.items);
  if (left instanceof PyDict) return right instanceof PyDict && dictsEqual(left, right);
  if (left instanceof PyRange) return right instanceof PyRange && itemsEqual([...left.values()], [...right.values()]);
  return left instanceof Undefined && right instanceof Undefined;
}

function itemsEqual(left: PyList, right: PyList): boolean {
  return left.length === right.length && left.every((item, index) => equals(item, right[index] ?? null));
}

function dictsEqual(left: PyDict, right: PyDict): boolean {
  if (left.size !== right.size) return false;
  return [...left.entries()].every(([key, value]) => {
    const other = right.get(key);
    return other !== undefined && equals(value, other);
  });
}

/** Below 0: left comes first. Not a number is neither: NaN. */
export function compareNumbers(left: boolean | bigint | number, right: boolean | bigint | number): number {
  const [first, second] = [plain(left), plain(right)];
  if (Number.isNaN(first) || Number.isNaN(second)) return Number.NaN;
  return first === second || (!(first < second) && !(first > second)) ? 0 : first < second ? -1 : 1;
}

function plain(value: boolean | bigint | number): bigint | number {
  return typeof value === 'boolean' ? BigInt(value) : value;
}

/** `left < right` and its like; what has no order is refused. */
export function compare(left: PyValue, right: PyValue, sign: '<' | '<=' | '>' | '>='): boolean {
  const order = orderOf(left, right, sign);
  if (sign === '<') return order < 0;
  if (sign === '<=') return order <= 0;
  return sign === '>' ? order > 0 : order >= 0;
}

function orderOf(left: PyValue, right: PyValue, sign: string): number {
  if (left instanceof Undefined) left.refuse();
  if (right instanceof Undefined) right.refuse();
  if (isNumber(left) && isNumber(right)) return compareNumbers(left, right);
  const [first, second] = [stringOf(left), stringOf(right)];
  if (first !== undefined && second !== undefined) return compareTexts(first, second);
  if (isList(left) && isList(right)) return compareItems(left, right, sign);
  if (left instanceof PyTuple && right instanceof PyTuple) return compareItems(left.items, right.items, sign);
  const types = `'${typeNameOf(left)}' and '${typeNameOf(right)}'`;
  throw new PyError('TypeError', `'${sign}' not supported between instances of ${types}`);
}

/** By code points, where JavaScript compares halves of pairs. */
function compareTexts(left: string, right: string): number {
  if (left === right) return 0;
  const [first, second] = [pointsOf(left), pointsOf(right)];
  const at = first.findIndex((point, index) => point !== second[index]);
  if (at === -1) return -1;
  return (first[at]?.codePointAt(0) ?? -1) - (second[at]?.codePointAt(0) ?? -1);
}

function compareItems(left: PyList, right: PyList, sign: string): number {
  const at = left.findIndex((item, index) => index >= right.length || !equals(item, right[index] ?? null));
  if (at === -1) return left.length - right.length;
  return at >= right.length ? 1 : orderOf(left[at] ?? null, right[at] ?? null, sign);
}

/** `item in container`. */
export function contains(container: PyValue, item: PyValue): boolean {
  const text = stringOf(container);
  if (text !== undefined) {
    const part = stringOf(item);
    if (part === undefined)
      throw new PyError('TypeError', `'in <string>' requires string as left operand, not ${typeNameOf(item)}`);
    return text.includes(part);
  }
  if (container instanceof PyDict) return container.has(item);
  if (container === null || isNumber(container) || container instanceof PyFunction || container instanceof PyObject)
    throw new PyError('TypeError', `argument of type '${typeNameOf(container)}' is not iterable`);
  for (const member of iterate(container)) if (equals(member, item)) return true;
  return false;
}

/** A stable sort by keys that are compared with `<`. */
export function sorted<Item>(items: readonly Item[], key: (item: Item) => PyValue, reverse: boolean): Item[] {
  const keyed = items.map((item) => ({ item, key: key(item) }));
  keyed.sort((left, right) => {
    const [first, second] = reverse ? [right.key, left.key] : [left.key, right.key];
    if (compare(first, second, '<')) return -1;
    return compare(second, first, '<') ? 1 : 0;
  });
  return keyed.map(({ item }) => item);
}
