// Owns the operators of Python on numbers and texts, with their types and refusals. Knows no template.
import { isTrue } from './order.ts';
import { formatPercent } from './percent.ts';
import { textOf } from './text.ts';
import { isList, isNumber, Markup, PyError, PyTuple, type PyValue, stringOf, typeNameOf, Undefined } from './values.ts';

export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**';

/** Characters that one operation may make. */
const LONGEST = 64 * 1024 * 1024;

export function operate(sign: Operator, left: PyValue, right: PyValue): PyValue {
  if (left instanceof Undefined) left.refuse();
  if (right instanceof Undefined) right.refuse();
  if (isNumber(left) && isNumber(right)) return calculate(sign, left, right);
  const text = stringOf(left);
  if (sign === '%' && text !== undefined) return formatPercent(text, right);
  if (sign === '+') return join(left, right);
  if (sign === '*') return repeat(left, right);
  throw unsupported(sign, left, right);
}

/** Refuses a text that is too long to be meant, before it is made. */
export function checkLength(length: number): void {
  if (length > LONGEST)
    throw new PyError('MemoryError', `the template makes a text of more than ${LONGEST} characters`);
}

function join(left: PyValue, right: PyValue): PyValue {
  const [first, second] = [stringOf(left), stringOf(right)];
  if (first !== undefined && second !== undefined) {
    checkLength(first.length + second.length);
    if (left instanceof Markup || right instanceof Markup) return new Markup(escapeHtml(left) + escapeHtml(right));
    return first + second;
  }
  if (isList(left) && isList(right)) return [...left, ...right];
  if (left instanceof PyTuple && right instanceof PyTuple) return new PyTuple([...left.items, ...right.items]);
  if (first !== undefined)
    throw new PyError('TypeError', `can only concatenate str (not "${typeNameOf(right)}") to str`);
  if (isList(left)) throw new PyError('TypeError', `can only concatenate list (not "${typeNameOf(right)}") to list`);
  throw unsupported('+', left, right);
}

/** What was marked safe stays as it is. */
export function escapeHtml(value: PyValue): string {
  if (value instanceof Markup) return value.text;
  return textOf(value)
    .replaceAll('&', '&amp;')
    .replaceAll('>', '&gt;')
    .replaceAll('<', '&lt;')
    .replaceAll("'", '&#39;')
    .replaceAll('"', '&#34;');
}

function repeat(left: PyValue, right: PyValue): PyValue {
  const [value, count] = isNumber(left) ? [right, left] : [left, right];
  if (typeof count !== 'bigint' && typeof count !== 'boolean') throw unsupported('*', left, right);
  const times = Math.max(0, Number(count));
  const text = stringOf(value);
  if (text !== undefined) {
    checkLength(text.length * times);
    return value instanceof Markup ? new Markup(text.repeat(times)) : text.repeat(times);
  }
  const items = isList(value) ? value : value instanceof PyTuple ? value.items : undefined;
  if (items === undefined) throw unsupported('*', left, right);
  checkLength(items.length * times);
  const made = Array.from({ length: times }, () => items).flat();
  return value instanceof PyTuple ? new PyTuple(made) : made;
}

function calculate(sign: Operator, left: boolean | bigint | number, right: boolean | bigint | number): PyValue {
  if (typeof left === 'number' || typeof right === 'number' || sign === '/')
    return onFractions(sign, Number(left), Number(right), typeof left !== 'number' && typeof right !== 'number');
  return onWholes(sign, BigInt(left), BigInt(right));
}

function onFractions(sign: Operator, left: number, right: number, wholes: boolean): number {
  if (right === 0 && (sign === '/' || sign === '//' || sign === '%')) throw byZero(sign, wholes);
  return FRACTIONS[sign](left, right);
}

const FRACTIONS: Readonly<Record<Operator, (left: number, right: number) => number>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => left / right,
  '//': (left, right) => Math.floor(left / right),
  '%': moduloOf,
  '**': (left, right) => left ** right,
};

function moduloOf(left: number, right: number): number {
  const rest = left % right;
  return rest !== 0 && rest < 0 !== right < 0 ? rest + right : rest;
}

function onWholes(sign: Operator, left: bigint, right: bigint): PyValue {
  if (right === 0n && (sign === '//' || sign === '%')) throw byZero(sign, true);
  return WHOLES[sign](left, right);
}

const WHOLES: Readonly<Record<Operator, (left: bigint, right: bigint) => PyValue>> = {
  '+': (left, right) => left + right,
  '-': (left, right) => left - right,
  '*': (left, right) => left * right,
  '/': (left, right) => Number(left) / Number(right),
  '//': floorOf,
  '%': (left, right) => left - floorOf(left, right) * right,
  '**': power,
};

function floorOf(left: bigint, right: bigint): bigint {
  const quotient = left / right;
  return left % right !== 0n && left < 0n !== right < 0n ? quotient - 1n : quotient;
}

function power(base: bigint, exponent: bigint): PyValue {
  if (exponent < 0n) return Number(base) ** Number(exponent);
  checkLength(base.toString().length * Number(exponent));
  return base ** exponent;
}

function byZero(sign: Operator, wholes: boolean): PyError {
  if (sign === '/') return new PyError('ZeroDivisionError', wholes ? 'division by zero' : 'float division by zero');
  const what = sign === '%' ? 'modulo' : wholes ? 'integer division or modulo' : 'float floor division';
  return new PyError('ZeroDivisionError', `${what} by zero`);
}

function unsupported(sign: Operator, left: PyValue, right: PyValue): PyError {
  const types = `'${typeNameOf(left)}' and '${typeNameOf(right)}'`;
  return new PyError('TypeError', `unsupported operand type(s) for ${sign === '**' ? '** or pow()' : sign}: ${types}`);
}

/** `-value` and `+value`. */
export function sign(sign: '-' | '+' | 'not', value: PyValue): PyValue {
  if (sign === 'not') return !isTrue(value);
  if (value instanceof Undefined) value.refuse();
  if (!isNumber(value)) throw new PyError('TypeError', `bad operand type for unary ${sign}: '${typeNameOf(value)}'`);
  if (typeof value === 'number') return sign === '-' ? -value : value;
  return sign === '-' ? -BigInt(value) : BigInt(value);
}
