// Owns the parsing of expressions and of targets. Knows no statement.
import type { Operator } from '../python/arithmetic.ts';
import { cutTemplate, type Token } from './lexer.ts';
import {
  type Arguments,
  type CompareSign,
  type Comparison,
  type Expression,
  type Target,
  TemplateSyntaxError,
} from './tree.ts';

const CONSTANTS: ReadonlyMap<string, boolean | null> = new Map([
  ['true', true],
  ['True', true],
  ['false', false],
  ['False', false],
  ['none', null],
  ['None', null],
]);
const COMPARISONS: readonly string[] = ['==', '!=', '<', '<=', '>', '>='];
const NO_ARGUMENTS: Arguments = { positional: [], named: [] };
const DEEPEST = 200;

/** Precedences as Jinja has them, from the weakest to the strongest. */
export class ExpressionParser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#tokens = cutTemplate(source);
  }

  get current(): Token {
    return this.#tokens[this.#at] ?? { kind: 'eof', text: '', line: this.#tokens.at(-1)?.line ?? 1 };
  }

  next(): Token {
    const token = this.current;
    this.#at += 1;
    return token;
  }

  is(kind: Token['kind'], text?: string, ahead = 0): boolean {
    const token = this.#tokens[this.#at + ahead];
    return token?.kind === kind && (text === undefined || token.text === text);
  }

  skip(kind: Token['kind'], text?: string): boolean {
    const found = this.is(kind, text);
    if (found) this.#at += 1;
    return found;
  }

  expect(kind: Token['kind'], text?: string): Token {
    if (this.is(kind, text)) return this.next();
    return this.fail(`expected ${text === undefined ? kind : `'${text}'`}, got ${this.#described()}`);
  }

  fail(message: string): never {
    throw new TemplateSyntaxError(message, this.current.line);
  }

  #described(): string {
    const { kind, text } = this.current;
    if (kind === 'eof') return 'the end of the template';
    return kind === 'end' ? 'the end of the tag' : `'${text}'`;
  }

  expression(withChoice = true): Expression {
    this.#depth += 1;
    if (this.#depth > DEEPEST) this.fail('the expression is nested too deeply');
    const made = withChoice ? this.#choice() : this.#or();
    this.#depth -= 1;
    return made;
  }

  #choice(): Expression {
    let made = this.#or();
    while (this.skip('name', 'if')) {
      const test = this.#or();
      const no = this.skip('name', 'else') ? this.#choice() : undefined;
      made = { kind: 'choice', test, yes: made, no };
    }
    return made;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.skip('name', 'or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.skip('name', 'and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    return this.skip('name', 'not') ? { kind: 'sign', sign: 'not', of: this.#not() } : this.#comparison();
  }

  #comparison(): Expression {
    const first = this.#sum();
    const rest: Comparison[] = [];
    for (let sign = this.#compareSign(); sign !== undefined; sign = this.#compareSign()) rest.push([sign, this.#sum()]);
    return rest.length === 0 ? first : { kind: 'comparison', first, rest };
  }

  #compareSign(): CompareSign | undefined {
    if (this.is('sign') && COMPARISONS.includes(this.current.text)) return this.next().text as CompareSign;
    if (this.skip('name', 'in')) return 'in';
    if (!this.is('name', 'not') || !this.is('name', 'in', 1)) return undefined;
    this.#at += 2;
    return 'not in';
  }

  #sum(): Expression {
    return this.#operations(['+', '-'], () => this.#concat());
  }

  #operations(signs: readonly string[], part: () => Expression): Expression {
    let left = part();
    while (this.is('sign') && signs.includes(this.current.text))
      left = { kind: 'operation', sign: this.next().text as Operator, left, right: part() };
    return left;
  }

  #concat(): Expression {
    const items = [this.#product()];
    while (this.skip('sign', '~')) items.push(this.#product());
    return items.length === 1 && items[0] !== undefined ? items[0] : { kind: 'concat', items };
  }

  #product(): Expression {
    return this.#operations(['*', '/', '//', '%'], () => this.#operations(['**'], () => this.#unary(true)));
  }

  #unary(withFilter: boolean): Expression {
    const sign = this.is('sign', '-') || this.is('sign', '+') ? (this.next().text as '-' | '+') : undefined;
    const of = sign === undefined ? this.#primary() : ({ kind: 'sign', sign, of: this.#unary(false) } as const);
    const made = this.#postfix(of);
    return withFilter ? this.#filters(made) : made;
  }

  #primary(): Expression {
    const token = this.next();
    if (token.kind === 'name') {
      const value = CONSTANTS.get(token.text);
      return value === undefined ? { kind: 'name', name: token.text } : { kind: 'constant', value };
    }
    if (token.kind === 'string') {
      let text = token.text;
      while (this.is('string')) text += this.next().text;
      return { kind: 'constant', value: text };
    }
    if (token.kind === 'integer') return { kind: 'constant', value: BigInt(token.text.replaceAll('_', '')) };
    if (token.kind === 'float') return { kind: 'constant', value: Number(token.text.replaceAll('_', '')) };
    return this.#bracket(token);
  }

  #bracket(token: Token): Expression {
    if (token.kind === 'sign' && token.text === '(') {
      const made = this.tuple({ inBraces: true });
      this.expect('sign', ')');
      return made;
    }
    if (token.kind === 'sign' && token.text === '[')
      return { kind: 'list', items: this.#separated(']', () => this.expression()) };
    if (token.kind === 'sign' && token.text === '{') {
      const pairs = this.#separated('}', () => {
        const key = this.expression();
        this.expect('sign', ':');
        return [key, this.expression()] as const;
      });
      return { kind: 'dict', pairs };
    }
    this.#at -= 1;
    return this.fail(`unexpected ${this.#described()}`);
  }

  #separated<Item>(end: string, item: () => Item): Item[] {
    const items: Item[] = [];
    while (!this.is('sign', end)) {
      if (items.length > 0) this.expect('sign', ',');
      if (this.is('sign', end)) break;
      items.push(item());
    }
    this.expect('sign', end);
    return items;
  }

  /** One expression, or several with commas between them. `before`: a word that ends it. */
  tuple({ inBraces = false, withChoice = true, before = '' } = {}): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.expect('sign', ',');
      if (this.#endsTuple(before)) break;
      items.push(this.expression(withChoice));
      if (!this.is('sign', ',')) break;
      isTuple = true;
    }
    if (isTuple) return { kind: 'tuple', items };
    return items[0] ?? this.#emptyTuple(inBraces);
  }

  #emptyTuple(inBraces: boolean): Expression {
    if (!inBraces) this.fail(`Expected an expression, got ${this.#described()}`);
    return { kind: 'tuple', items: [] };
  }

  #endsTuple(before: string): boolean {
    return this.is('end') || this.is('sign', ')') || (before !== '' && this.is('name', before));
  }

  #postfix(of: Expression): Expression {
    let made = of;
    for (;;) {
      if (this.skip('sign', '.')) made = this.#attribute(made);
      else if (this.skip('sign', '[')) made = this.#item(made);
      else if (this.is('sign', '(')) made = { kind: 'call', of: made, given: this.arguments() };
      else return made;
    }
  }

  #attribute(of: Expression): Expression {
    if (this.is('integer')) return { kind: 'item', of, key: { kind: 'constant', value: BigInt(this.next().text) } };
    return { kind: 'attribute', of, name: this.expect('name').text };
  }

  #item(of: Expression): Expression {
    const start = this.is('sign', ':') ? undefined : this.expression();
    if (start !== undefined && this.skip('sign', ']')) return { kind: 'item', of, key: start };
    const bounds = [start];
    while (this.skip('sign', ':'))
      bounds.push(this.is('sign', ':') || this.is('sign', ']') ? undefined : this.expression());
    this.expect('sign', ']');
    return { kind: 'slice', of, bounds };
  }

  #filters(of: Expression): Expression {
    let made = of;
    for (;;) {
      if (this.skip('sign', '|')) made = { kind: 'filter', of: made, ...this.filter() };
      else if (this.skip('name', 'is')) made = this.#test(made);
      else if (this.is('sign', '(')) made = { kind: 'call', of: made, given: this.arguments() };
      else return made;
    }
  }

  filter(): { readonly name: string; readonly given: Arguments } {
    return { name: this.#dotted(), given: this.is('sign', '(') ? this.arguments() : NO_ARGUMENTS };
  }

  #dotted(): string {
    let name = this.expect('name').text;
    while (this.skip('sign', '.')) name += `.${this.expect('name').text}`;
    return name;
  }

  #test(of: Expression): Expression {
    const negated = this.skip('name', 'not');
    const name = this.#dotted();
    const made: Expression = { kind: 'test', of, name, given: this.#testArguments() };
    return negated ? { kind: 'sign', sign: 'not', of: made } : made;
  }

  #testArguments(): Arguments {
    if (this.is('sign', '(')) return this.arguments();
    const { kind, text } = this.current;
    const begins =
      ['name', 'string', 'integer', 'float'].includes(kind) || this.is('sign', '[') || this.is('sign', '{');
    if (!begins || (kind === 'name' && ['else', 'or', 'and'].includes(text))) return NO_ARGUMENTS;
    if (this.is('name', 'is')) this.fail('You cannot chain multiple tests with is');
    return { positional: [this.#postfix(this.#primary())], named: [] };
  }

  arguments(): Arguments {
    this.expect('sign', '(');
    const positional: Expression[] = [];
    const named: [string, Expression][] = [];
    let spreads: Pick<Arguments, 'spread' | 'spreadNamed'> = {};
    this.#separated(')', () => {
      if (this.skip('sign', '*')) spreads = { ...spreads, spread: this.expression() };
      else if (this.skip('sign', '**')) spreads = { ...spreads, spreadNamed: this.expression() };
      else if (this.is('name') && this.is('sign', '=', 1)) {
        const name = this.next().text;
        this.next();
        named.push([name, this.expression()]);
      } else if (named.length > 0) this.fail('invalid syntax for function call expression');
      else positional.push(this.expression());
    });
    return { positional, named, ...spreads };
  }

  /** What a value is given to. `withMember`: also `namespace.name`. */
  target(withMember: boolean): Target {
    const items = [this.#oneTarget(withMember)];
    let isTuple = false;
    while (this.skip('sign', ',')) {
      isTuple = true;
      if (this.is('name', 'in') || this.is('sign', '=') || this.is('end')) break;
      items.push(this.#oneTarget(withMember));
    }
    return !isTuple && items[0] !== undefined ? items[0] : { kind: 'tuple', items };
  }

  #oneTarget(withMember: boolean): Target {
    if (this.skip('sign', '(')) {
      const made = this.target(withMember);
      this.expect('sign', ')');
      return made;
    }
    const name = this.expect('name').text;
    if (CONSTANTS.has(name)) this.fail(`can't assign to '${name}'`);
    if (withMember && this.skip('sign', '.')) return { kind: 'member', of: name, name: this.expect('name').text };
    return { kind: 'name', name };
  }
}
