// Owns the tests of Jinja: what may stand behind `is`. Knows no statement.
import { operate } from '../python/arithmetic.ts';
import { compare, contains, equals, isIterable } from '../python/order.ts';
import {
  isList,
  isNumber,
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
  Undefined,
} from '../python/values.ts';
import { stringMethod } from '../python/string-methods.ts';
import { textOf } from '../python/text.ts';

export type Check = (value: PyValue, given: PyList) => boolean;

export function checkNamed(name: string): Check {
  const check = CHECKS.get(name);
  if (check === undefined) throw new PyError('TemplateRuntimeError', `No test named '${name}'.`);
  return check;
}

const CHECKS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['defined', (value) => !(value instanceof Undefined)],
  ['undefined', (value) => value instanceof Undefined],
  ['none', (value) => value === null],
  ['boolean', (value) => typeof value === 'boolean'],
  ['true', (value) => value === true],
  ['false', (value) => value === false],
  ['integer', (value) => typeof value === 'bigint'],
  ['float', (value) => typeof value === 'number'],
  ['number', isNumber],
  ['string', (value) => stringOf(value) !== undefined],
  ['mapping', (value) => value instanceof PyDict],
  ['sequence', isSequence],
  ['iterable', isIterable],
  ['callable', (value) => value instanceof PyFunction || (value instanceof PyObject && value.typeName !== 'Namespace')],
  ['escaped', (value) => value instanceof Markup],
  ['lower', (value) => stringMethod('islower')?.(textOf(value), []) === true],
  ['upper', (value) => stringMethod('isupper')?.(textOf(value), []) === true],
  ['odd', (value) => equals(operate('%', value, 2n), 1n)],
  ['even', (value) => equals(operate('%', value, 2n), 0n)],
  ['divisibleby', (value, given) => equals(operate('%', value, needed(given)), 0n)],
  ['sameas', (value, given) => value === needed(given)],
  ['in', (value, given) => contains(needed(given), value)],
  ...['==', 'eq', 'equalto'].map(
    (name) => [name, (value: PyValue, given: PyList) => equals(value, needed(given))] as const,
  ),
  ...['!=', 'ne'].map((name) => [name, (value: PyValue, given: PyList) => !equals(value, needed(given))] as const),
  ...['<', 'lt', 'lessthan'].map((name) => [name, ordered('<')] as const),
  ...['<=', 'le'].map((name) => [name, ordered('<=')] as const),
  ...['>', 'gt', 'greaterthan'].map((name) => [name, ordered('>')] as const),
  ...['>=', 'ge'].map((name) => [name, ordered('>=')] as const),
]);

function ordered(sign: '<' | '<=' | '>' | '>='): Check {
  return (value, given) => compare(value, needed(given), sign);
}

function needed([value]: PyList): PyValue {
  if (value === undefined) throw new PyError('TypeError', 'the test needs an argument');
  return value;
}

/** What has a length and members by number or key. */
function isSequence(value: PyValue): boolean {
  const isContainer = value instanceof PyTuple || value instanceof PyDict || value instanceof PyRange;
  return stringOf(value) !== undefined || isList(value) || isContainer || value instanceof Undefined;
}
