// Owns the value of an expression in a scope. Knows no statement.
import { checkLength, operate, sign } from '../python/arithmetic.ts';
import { attributeOf, sliceOf, subscript } from '../python/members.ts';
import { compare, contains, equals, isTrue, iterate } from '../python/order.ts';
import { textOf } from '../python/text.ts';
import {
  type Keywords,
  PyDict,
  PyError,
  PyFunction,
  type PyList,
  PyObject,
  PyTuple,
  type PyValue,
  typeNameOf,
  Undefined,
} from '../python/values.ts';
import { checkNamed } from '../filters/checks.ts';
import { applyFilter } from '../filters/apply.ts';
import type { Meter, Scope } from './scope.ts';
import type { Arguments, CompareSign, Expression } from './tree.ts';

type Logic = Extract<Expression, { readonly kind: 'and' | 'or' }>;
type Of<Kind extends Expression['kind']> = Extract<Expression, { readonly kind: Kind }>;

export class Evaluator {
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  value(of: Expression, scope: Scope): PyValue {
    this.#meter.step();
    if (of.kind === 'constant') return of.value;
    if (of.kind === 'name') return scope.get(of.name);
    if (of.kind === 'attribute') return attributeOf(this.value(of.of, scope), of.name);
    return RULES[of.kind](this, of as never, scope);
  }

  item({ of, key }: Of<'item'>, scope: Scope): PyValue {
    return subscript(this.value(of, scope), this.value(key, scope));
  }

  operation({ sign, left, right }: Of<'operation'>, scope: Scope): PyValue {
    return operate(sign, this.value(left, scope), this.value(right, scope));
  }

  dict({ pairs }: Of<'dict'>, scope: Scope): PyValue {
    return PyDict.from(pairs.map(([key, value]) => [this.value(key, scope), this.value(value, scope)] as const));
  }

  items(items: readonly Expression[], scope: Scope): PyValue[] {
    return items.map((item) => this.value(item, scope));
  }

  logic({ kind, left, right }: Logic, scope: Scope): PyValue {
    const first = this.value(left, scope);
    return isTrue(first) === (kind === 'and') ? this.value(right, scope) : first;
  }

  choice({ test, yes, no }: Of<'choice'>, scope: Scope): PyValue {
    if (isTrue(this.value(test, scope))) return this.value(yes, scope);
    if (no !== undefined) return this.value(no, scope);
    return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
  }

  comparison({ first, rest }: Of<'comparison'>, scope: Scope): boolean {
    let left = this.value(first, scope);
    for (const [sign, expression] of rest) {
      const right = this.value(expression, scope);
      if (!holds(sign, left, right)) return false;
      left = right;
    }
    return true;
  }

  concat({ items }: Of<'concat'>, scope: Scope): string {
    const parts = items.map((item) => textOf(this.value(item, scope)));
    checkLength(parts.reduce((sum, part) => sum + part.length, 0));
    return parts.join('');
  }

  slice({ of, bounds }: Of<'slice'>, scope: Scope): PyValue {
    const value = this.value(of, scope);
    const [start = null, stop = null, step = null] = bounds.map((bound) =>
      bound === undefined ? null : this.value(bound, scope),
    );
    return sliceOf(value, start, stop, step);
  }

  filter({ of, name, given }: Of<'filter'>, scope: Scope): PyValue {
    const value = this.value(of, scope);
    return this.filtered(name, value, given, scope);
  }

  filtered(name: string, value: PyValue, given: Arguments, scope: Scope): PyValue {
    const { positional, named } = this.given(given, scope);
    return applyFilter(name, value, positional, named);
  }

  test({ of, name, given }: Of<'test'>, scope: Scope): PyValue {
    const check = checkNamed(name);
    const value = this.value(of, scope);
    return check(value, this.given(given, scope).positional);
  }

  call({ of, given }: Of<'call'>, scope: Scope): PyValue {
    const called = this.value(of, scope);
    const { positional, named } = this.given(given, scope);
    return callValue(called, positional, named);
  }

  given(
    { positional, named, spread, spreadNamed }: Arguments,
    scope: Scope,
  ): { readonly positional: PyList; readonly named: Map<string, PyValue> } {
    const values = positional.map((item) => this.value(item, scope));
    const names = new Map(named.map(([name, value]) => [name, this.value(value, scope)] as const));
    if (spread !== undefined) values.push(...iterate(this.value(spread, scope)));
    const more = spreadNamed === undefined ? undefined : this.value(spreadNamed, scope);
    if (more instanceof PyDict) for (const [key, value] of more.entries()) names.set(textOf(key), value);
    return { positional: values, named: names };
  }
}

type Ruled = Exclude<Expression['kind'], 'constant' | 'name' | 'attribute'>;
type Rules = {
  readonly [Kind in Ruled]: (
    evaluator: Evaluator,
    of: Extract<Expression, { readonly kind: Kind }>,
    scope: Scope,
  ) => PyValue;
};

const RULES: Rules = {
  item: (evaluator, of, scope) => evaluator.item(of, scope),
  filter: (evaluator, of, scope) => evaluator.filter(of, scope),
  call: (evaluator, of, scope) => evaluator.call(of, scope),
  and: (evaluator, of, scope) => evaluator.logic(of, scope),
  or: (evaluator, of, scope) => evaluator.logic(of, scope),
  choice: (evaluator, of, scope) => evaluator.choice(of, scope),
  operation: (evaluator, of, scope) => evaluator.operation(of, scope),
  sign: (evaluator, of, scope) => sign(of.sign, evaluator.value(of.of, scope)),
  comparison: (evaluator, of, scope) => evaluator.comparison(of, scope),
  concat: (evaluator, of, scope) => evaluator.concat(of, scope),
  list: (evaluator, of, scope) => evaluator.items(of.items, scope),
  tuple: (evaluator, of, scope) => new PyTuple(evaluator.items(of.items, scope)),
  dict: (evaluator, of, scope) => evaluator.dict(of, scope),
  slice: (evaluator, of, scope) => evaluator.slice(of, scope),
  test: (evaluator, of, scope) => evaluator.test(of, scope),
};

export function callValue(called: PyValue, positional: PyList, named: Keywords): PyValue {
  if (called instanceof Undefined) called.refuse();
  if (called instanceof PyFunction) return called.call(positional, named);
  if (called instanceof PyObject) return called.call(positional, named);
  throw new PyError('TypeError', `'${typeNameOf(called)}' object is not callable`);
}

function holds(sign: CompareSign, left: PyValue, right: PyValue): boolean {
  if (sign === '==') return equals(left, right);
  if (sign === '!=') return !equals(left, right);
  if (sign === 'in') return contains(right, left);
  return sign === 'not in' ? !contains(right, left) : compare(left, right, sign);
}
