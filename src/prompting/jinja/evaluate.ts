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
import { checkNamed } from './checks.ts';
import { applyFilter } from './filters.ts';
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
    switch (of.kind) {
      case 'constant':
        return of.value;
      case 'name':
        return scope.get(of.name);
      case 'attribute':
        return attributeOf(this.value(of.of, scope), of.name);
      case 'item':
        return subscript(this.value(of.of, scope), this.value(of.key, scope));
      case 'filter':
        return this.#filter(of, scope);
      case 'call':
        return this.#call(of, scope);
      case 'and':
      case 'or':
        return this.#logic(of, scope);
      case 'choice':
        return this.#choice(of, scope);
      case 'operation':
      case 'sign':
      case 'comparison':
      case 'concat':
      case 'list':
      case 'tuple':
      case 'dict':
      case 'slice':
      case 'test':
        return this.#operation(of, scope);
    }
  }

  #operation(
    of: Exclude<Expression, Of<'constant' | 'name' | 'attribute' | 'item' | 'filter' | 'call' | 'choice'> | Logic>,
    scope: Scope,
  ): PyValue {
    switch (of.kind) {
      case 'operation':
        return operate(of.sign, this.value(of.left, scope), this.value(of.right, scope));
      case 'sign':
        return sign(of.sign, this.value(of.of, scope));
      case 'comparison':
        return this.#comparison(of, scope);
      case 'concat':
        return this.#concat(of, scope);
      case 'list':
        return of.items.map((item) => this.value(item, scope));
      case 'tuple':
        return new PyTuple(of.items.map((item) => this.value(item, scope)));
      case 'dict':
        return PyDict.from(of.pairs.map(([key, value]) => [this.value(key, scope), this.value(value, scope)] as const));
      case 'slice':
        return this.#slice(of, scope);
      case 'test':
        return this.#test(of, scope);
    }
  }

  #logic({ kind, left, right }: Logic, scope: Scope): PyValue {
    const first = this.value(left, scope);
    return isTrue(first) === (kind === 'and') ? this.value(right, scope) : first;
  }

  #choice({ test, yes, no }: Of<'choice'>, scope: Scope): PyValue {
    if (isTrue(this.value(test, scope))) return this.value(yes, scope);
    if (no !== undefined) return this.value(no, scope);
    return new Undefined('the inline if-expression evaluated to false and no else section was defined.');
  }

  #comparison({ first, rest }: Of<'comparison'>, scope: Scope): boolean {
    let left = this.value(first, scope);
    for (const [sign, expression] of rest) {
      const right = this.value(expression, scope);
      if (!holds(sign, left, right)) return false;
      left = right;
    }
    return true;
  }

  #concat({ items }: Of<'concat'>, scope: Scope): string {
    const parts = items.map((item) => textOf(this.value(item, scope)));
    checkLength(parts.reduce((sum, part) => sum + part.length, 0));
    return parts.join('');
  }

  #slice({ of, bounds }: Of<'slice'>, scope: Scope): PyValue {
    const value = this.value(of, scope);
    const [start = null, stop = null, step = null] = bounds.map((bound) =>
      bound === undefined ? null : this.value(bound, scope),
    );
    return sliceOf(value, start, stop, step);
  }

  #filter({ of, name, given }: Of<'filter'>, scope: Scope): PyValue {
    const value = this.value(of, scope);
    return this.filtered(name, value, given, scope);
  }

  filtered(name: string, value: PyValue, given: Arguments, scope: Scope): PyValue {
    const { positional, named } = this.given(given, scope);
    return applyFilter(name, value, positional, named);
  }

  #test({ of, name, given }: Of<'test'>, scope: Scope): PyValue {
    const check = checkNamed(name);
    const value = this.value(of, scope);
    return check(value, this.given(given, scope).positional);
  }

  #call({ of, given }: Of<'call'>, scope: Scope): PyValue {
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

export function callValue(called: PyValue, positional: PyList, named: Keywords): PyValue {
  if (called instanceof Undefined) called.refuse();
  if (called instanceof PyFunction) return called.call(positional, named);
  if (called instanceof PyObject) return called.call(positional, named);
  throw new PyError('TypeError', `'${typeNameOf(called)}' object is not callable`);
}

function holds(sign: CompareSign, left: PyValue, right: PyValue): boolean {
  switch (sign) {
    case '==':
      return equals(left, right);
    case '!=':
      return !equals(left, right);
    case 'in':
      return contains(right, left);
    case 'not in':
      return !contains(right, left);
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(left, right, sign);
  }
}
