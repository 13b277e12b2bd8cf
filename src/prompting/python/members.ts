// Owns the reading of members: `value.name`, `value[key]`, slices, with the rules of Jinja's sandbox. Knows no template.
import { equals, lengthOf } from './order.ts';
import { formatBraces } from './percent.ts';
import { pointsOf } from './spaces.ts';
import { dictMethod, stringMethod } from './string-methods.ts';
import { reprOf, textOf } from './text.ts';
import {
  isList,
  Markup,
  PyDict,
  PyError,
  PyFunction,
  type PyList,
  PyObject,
  PyRange,
  PyTuple,
  type PyValue,
  stringOf,
  typeNameOf,
  Undefined,
} from './values.ts';

const CHANGES: Readonly<Record<string, readonly string[]>> = {
  list: ['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove'],
  dict: ['clear', 'pop', 'popitem', 'setdefault', 'update'],
};

/** `value.name`: an attribute, else the member of that key, else undefined. */
export function attributeOf(value: PyValue, name: string): PyValue {
  if (value instanceof Undefined) value.refuse();
  return found(memberNamed(value, name), () => found(itemOf(value, name), () => missing(value, name)));
}

/** `value[key]`: the member, else an attribute of that name, else undefined. */
export function subscript(value: PyValue, key: PyValue): PyValue {
  if (value instanceof Undefined) value.refuse();
  const name = stringOf(key);
  const attribute = () => (name === undefined ? undefined : memberNamed(value, name));
  return found(itemOf(value, key), () => found(attribute(), () => missing(value, key)));
}

/** `??` would pass over a `null`, which is a value here. */
export function found(value: PyValue | undefined, otherwise: () => PyValue): PyValue {
  return value === undefined ? otherwise() : value;
}

function missing(value: PyValue, key: PyValue): Undefined {
  const owner = value === null ? 'None' : `${typeNameOf(value)} object`;
  const what = typeof key === 'string' ? `attribute ${reprOf(key)}` : `element ${reprOf(key)}`;
  return new Undefined(`'${owner}' has no ${what}`);
}

/** An attribute as Python has it, without a look at keys. */
export function memberNamed(value: PyValue, name: string): PyValue | undefined {
  const changes = CHANGES[typeNameOf(value)]?.includes(name) === true;
  if (changes || name.startsWith('__')) return unsafe(value, name);
  if (name.startsWith('_')) return undefined;
  return ownMember(value, name);
}

function ownMember(value: PyValue, name: string): PyValue | undefined {
  const text = stringOf(value);
  if (text !== undefined) return textMember(text, name, value instanceof Markup);
  if (value instanceof PyDict) return bound(name, dictMethod(value, name));
  if (value instanceof PyObject) return value.member(name);
  if (value instanceof PyFunction) return value.members.get(name);
  if (isList(value)) return listMember(value, name);
  return value instanceof PyTuple ? tupleMember(value, name) : undefined;
}

function unsafe(value: PyValue, name: string): Undefined {
  const what = `access to attribute ${reprOf(name)} of '${typeNameOf(value)}' object is unsafe.`;
  return new Undefined(what, 'SecurityError');
}

function bound(name: string, method: ((given: PyList) => PyValue) | undefined): PyFunction | undefined {
  return method === undefined ? undefined : new PyFunction(name, method);
}

function textMember(text: string, name: string, safe: boolean): PyFunction | undefined {
  if (name === 'format')
    return new PyFunction(name, (given, named) =>
      formatBraces(text, given, named, (value, part, isItem) =>
        isItem ? subscript(value, /^\d+$/.test(part) ? BigInt(part) : part) : attributeOf(value, part),
      ),
    );
  const method = stringMethod(name);
  if (method === undefined) return undefined;
  return new PyFunction(name, (given, named) => {
    const made = method(text, [...given, ...named.values()]);
    return safe && typeof made === 'string' ? new Markup(made) : made;
  });
}

function listMember(items: PyList, name: string): PyFunction | undefined {
  if (name === 'index') return new PyFunction(name, ([item]) => indexOf(items, item ?? null));
  if (name === 'count')
    return new PyFunction(name, ([item]) => BigInt(items.filter((member) => equals(member, item ?? null)).length));
  return name === 'copy' ? new PyFunction(name, () => [...items]) : undefined;
}

function tupleMember({ items, names }: PyTuple, name: string): PyValue | undefined {
  const at = names.indexOf(name);
  if (at !== -1) return items[at];
  return name === 'copy' ? undefined : listMember(items, name);
}

function indexOf(items: PyList, item: PyValue): bigint {
  const at = items.findIndex((member) => equals(member, item));
  if (at === -1) throw new PyError('ValueError', `${reprOf(item)} is not in list`);
  return BigInt(at);
}

function itemOf(value: PyValue, key: PyValue): PyValue | undefined {
  if (value instanceof PyDict) return isHashable(key) ? value.get(key) : undefined;
  if (typeof key !== 'bigint' && typeof key !== 'boolean') return undefined;
  const items = itemsOf(value);
  return items?.at(Number(key));
}

function isHashable(key: PyValue): boolean {
  return !isList(key) && !(key instanceof PyDict);
}

/** Members by number; undefined for what has none. */
function itemsOf(value: PyValue): PyList | undefined {
  const text = stringOf(value);
  if (text !== undefined) return pointsOf(text);
  if (isList(value)) return value;
  if (value instanceof PyTuple) return value.items;
  return value instanceof PyRange ? [...value.values()] : undefined;
}

/** `value[start:stop:step]`; null is left out. */
export function sliceOf(value: PyValue, start: PyValue, stop: PyValue, step: PyValue): PyValue {
  if (value instanceof Undefined) value.refuse();
  const items = itemsOf(value);
  if (value instanceof PyDict) throw new PyError('TypeError', "unhashable type: 'slice'");
  if (items === undefined) return missing(value, 'slice');
  const by = step === null ? 1 : wholeOf(step);
  if (by === 0) throw new PyError('ValueError', 'slice step cannot be zero');
  const picked = positions(lengthOf(value) ?? 0, start, stop, by).map((at) => items[at] ?? null);
  if (typeof value === 'string') return picked.map(textOf).join('');
  if (value instanceof Markup) return new Markup(picked.map(textOf).join(''));
  return value instanceof PyTuple ? new PyTuple(picked) : picked;
}

function positions(length: number, start: PyValue, stop: PyValue, by: number): number[] {
  const [lowest, highest] = by > 0 ? [0, length] : [-1, length - 1];
  const bound = (value: PyValue, otherwise: number): number => {
    if (value === null) return otherwise;
    const at = wholeOf(value);
    return Math.min(Math.max(at < 0 ? at + length : at, lowest), highest);
  };
  const first = bound(start, by > 0 ? 0 : length - 1);
  const end = bound(stop, by > 0 ? length : -1);
  const count = Math.max(0, Math.ceil((end - first) / by));
  return Array.from({ length: count }, (_, index) => first + index * by);
}

function wholeOf(value: PyValue): number {
  if (typeof value === 'bigint' || typeof value === 'boolean') return Number(value);
  throw new PyError('TypeError', 'slice indices must be integers or None or have an __index__ method');
}
