// Owns the running of a template's statements: the text that comes out of them. Knows no expression and no request.
import { isTrue, iterate } from '../python/order.ts';
import { textOf } from '../python/text.ts';
import {
  type Keywords,
  PyDict,
  PyError,
  PyFunction,
  type PyList,
  PyTuple,
  type PyValue,
  typeNameOf,
} from '../python/values.ts';
import { callValue, Evaluator } from './evaluate.ts';
import { globalScope } from './globals.ts';
import { LoopObject, Namespace } from './loop.ts';
import { Meter, Output, Scope } from './scope.ts';
import type { Body, Filter, Loop, Macro, Statement, Target } from './tree.ts';

type Of<Kind extends Statement['kind']> = Extract<Statement, { readonly kind: Kind }>;
/** Why a body ended before its end. */
type Jump = 'break' | 'continue' | undefined;

/** Text of a template for these variables. Throws PyError, with the line of the template, where Jinja would raise. */
export function runTemplate(body: Body, variables: Keywords, now: () => Date): string {
  const meter = new Meter(now);
  const scope = new Scope(globalScope(now));
  for (const [name, value] of variables) scope.set(name, value);
  const output = new Output();
  new Executor(meter).run(body, new Scope(scope), output);
  return output.text();
}

class Executor {
  readonly #meter: Meter;
  readonly #evaluator: Evaluator;

  constructor(meter: Meter) {
    this.#meter = meter;
    this.#evaluator = new Evaluator(meter);
  }

  run(body: Body, scope: Scope, output: Output): Jump {
    for (const statement of body) {
      this.#meter.step();
      try {
        const jump = this.#statement(statement, scope, output);
        if (jump !== undefined) return jump;
      } catch (error) {
        if (error instanceof PyError) error.line ??= statement.line;
        throw error;
      }
    }
    return undefined;
  }

  #statement(statement: Statement, scope: Scope, output: Output): Jump {
    if (statement.kind === 'text') output.write(statement.text);
    else if (statement.kind === 'print') output.write(textOf(this.#evaluator.value(statement.value, scope)));
    else if (statement.kind === 'if') return this.#if(statement, scope, output);
    else if (statement.kind === 'for') this.#for(statement.loop, scope, output);
    else if (statement.kind === 'set')
      this.#assign(statement.target, this.#evaluator.value(statement.value, scope), scope);
    else if (statement.kind === 'macro') scope.set(statement.macro.name, this.#macro(statement.macro, scope));
    else if (statement.kind === 'break' || statement.kind === 'continue') return statement.kind;
    else return this.#block(statement, scope, output);
    return undefined;
  }

  #block(statement: Of<'set_block' | 'call' | 'filter' | 'with' | 'scope'>, scope: Scope, output: Output): Jump {
    if (statement.kind === 'scope') return this.run(statement.body, new Scope(scope), output);
    if (statement.kind === 'with') return this.#with(statement, scope, output);
    if (statement.kind === 'call') {
      this.#callBlock(statement, scope, output);
      return undefined;
    }
    const made = this.#filtered(this.#text(statement.body, new Scope(scope)), statement.filters, scope);
    if (statement.kind === 'filter') output.write(textOf(made));
    else this.#assign(statement.target, made, scope);
    return undefined;
  }

  #if({ branches, otherwise }: Of<'if'>, scope: Scope, output: Output): Jump {
    const branch = branches.find(({ test }) => isTrue(this.#evaluator.value(test, scope)));
    return this.run(branch?.body ?? otherwise, scope, output);
  }

  #for(loop: Loop, scope: Scope, output: Output): void {
    this.#loop(loop, this.#evaluator.value(loop.items, scope), { scope, output, depth: 0 });
  }

  #loop(
    loop: Loop,
    given: PyValue,
    at: { readonly scope: Scope; readonly output: Output; readonly depth: number },
  ): void {
    const { scope, output, depth } = at;
    const items = this.#kept(loop, given, scope);
    const recurse = (inner: PyValue) =>
      this.#meter.within(() => {
        const made = new Output();
        this.#loop(loop, inner, { scope, output: made, depth: depth + 1 });
        return made.text();
      });
    const object = new LoopObject(items, depth, loop.recursive ? recurse : undefined);
    for (const item of items) {
      this.#meter.step();
      object.advance();
      const inside = new Scope(scope);
      inside.set('loop', object);
      this.#assign(loop.target, item, inside);
      if (this.run(loop.body, inside, output) === 'break') return;
    }
    if (items.length === 0) this.run(loop.otherwise, new Scope(scope), output);
  }

  #kept({ target, test }: Loop, given: PyValue, scope: Scope): PyList {
    const items = [...iterate(given)];
    if (test === undefined) return items;
    return items.filter((item) => {
      const inside = new Scope(scope);
      this.#assign(target, item, inside);
      return isTrue(this.#evaluator.value(test, inside));
    });
  }

  #with({ values, body }: Of<'with'>, scope: Scope, output: Output): Jump {
    const inside = new Scope(scope);
    for (const [target, value] of values) this.#assign(target, this.#evaluator.value(value, scope), inside);
    return this.run(body, inside, output);
  }

  #callBlock({ macro, of, given }: Of<'call'>, scope: Scope, output: Output): void {
    const called = this.#evaluator.value(of, scope);
    const { positional, named } = this.#evaluator.given(given, scope);
    named.set('caller', this.#macro(macro, scope));
    output.write(textOf(callValue(called, positional, named)));
  }

  #text(body: Body, scope: Scope): string {
    const made = new Output();
    this.run(body, scope, made);
    return made.text();
  }

  #filtered(text: string, filters: readonly Filter[], scope: Scope): PyValue {
    let value: PyValue = text;
    for (const { name, given } of filters) value = this.#evaluator.filtered(name, value, given, scope);
    return value;
  }

  #macro(macro: Macro, scope: Scope): PyFunction {
    const call = (positional: PyList, named: Keywords) =>
      this.#meter.within(() => this.#text(macro.body, this.#given(macro, scope, positional, named)));
    const names = new PyTuple(macro.parameters.map(({ name }) => name));
    return new PyFunction(
      macro.name,
      call,
      new Map<string, PyValue>([
        ['name', macro.name],
        ['arguments', names],
      ]),
    );
  }

  /** The scope of one call: a parameter's default may name the parameters before it. */
  #given(macro: Macro, scope: Scope, positional: PyList, named: Keywords): Scope {
    const inside = new Scope(scope);
    const rest = new Map(named);
    for (const [index, { name, otherwise }] of macro.parameters.entries()) {
      const value = index < positional.length ? positional[index] : rest.get(name);
      rest.delete(name);
      if (value !== undefined) inside.set(name, value);
      else if (otherwise !== undefined) inside.set(name, this.#evaluator.value(otherwise, inside));
      else inside.set(name, missingParameter(name));
    }
    this.#more(macro, inside, positional.slice(macro.parameters.length), rest);
    return inside;
  }

  #more({ name, uses, parameters }: Macro, inside: Scope, positional: PyList, named: Map<string, PyValue>): void {
    const caller = named.get('caller');
    if (uses.has('caller') || caller === undefined) {
      inside.set('caller', caller ?? missingParameter('caller'));
      named.delete('caller');
    }
    if (uses.has('varargs')) inside.set('varargs', new PyTuple(positional));
    else if (positional.length > 0)
      throw new PyError('TypeError', `macro '${name}' takes not more than ${parameters.length} argument(s)`);
    if (uses.has('kwargs')) inside.set('kwargs', PyDict.from(named));
    else if (named.size > 0)
      throw new PyError('TypeError', `macro '${name}' takes no keyword argument '${[...named.keys()][0] ?? ''}'`);
  }

  #assign(target: Target, value: PyValue, scope: Scope): void {
    if (target.kind === 'name') return scope.set(target.name, value);
    if (target.kind === 'member') {
      const owner = scope.get(target.of);
      if (!(owner instanceof Namespace))
        throw new PyError('TemplateRuntimeError', 'cannot assign attribute on non-namespace object');
      return owner.set(target.name, value);
    }
    const items = [...iterate(value)];
    if (items.length !== target.items.length) throw unpackError(items.length, target.items.length, value);
    for (const [index, item] of target.items.entries()) this.#assign(item, items[index] ?? null, scope);
    return undefined;
  }
}

function missingParameter(name: string): PyValue {
  return new Scope().get(name);
}

function unpackError(given: number, expected: number, value: PyValue): PyError {
  const what =
    given > expected
      ? `too many values to unpack (expected ${expected})`
      : `not enough values to unpack (expected ${expected}, got ${given})`;
  return new PyError('ValueError', `${what} from a ${typeNameOf(value)}`);
}
