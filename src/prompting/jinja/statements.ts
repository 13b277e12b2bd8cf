// Owns the parsing of a template into its statements. Knows no value.
import { ExpressionParser } from './expressions.ts';
import type { Body, Branch, Filter, Macro, Parameter, Statement, Target } from './tree.ts';

const DEEPEST = 100;
const SPECIAL = ['caller', 'varargs', 'kwargs'] as const;
type Form = Statement extends infer Each ? (Each extends Statement ? Omit<Each, 'line'> : never) : never;

/** Throws TemplateSyntaxError with the line of the mistake. */
export function parseTemplate(source: string): Body {
  return new StatementParser(source).template();
}

class StatementParser {
  readonly #parser: ExpressionParser;
  #loops = 0;
  #depth = 0;
  #seen = new Set<string>();

  constructor(source: string) {
    this.#parser = new ExpressionParser(source);
  }

  template(): Body {
    const { body } = this.#until([]);
    return body;
  }

  /** Up to a tag with one of these words, which is taken; without words up to the end of the template. */
  #until(words: readonly string[]): { readonly body: Body; readonly ended: string } {
    const [parser, body] = [this.#parser, [] as Statement[]];
    this.#depth += 1;
    if (this.#depth > DEEPEST) parser.fail('the blocks are nested too deeply');
    for (;;) {
      const { kind, text, line } = parser.next();
      if (kind === 'eof') break;
      if (kind === 'text') body.push({ kind: 'text', text, line });
      else if (kind === 'print') {
        body.push({ kind: 'print', value: parser.tuple(), line });
        parser.expect('end');
      } else {
        const word = parser.expect('name').text;
        if (words.includes(word)) {
          this.#depth -= 1;
          return { body, ended: word };
        }
        body.push({ line, ...this.#statement(word) });
        parser.expect('end');
      }
    }
    if (words.length > 0) parser.fail(`the template ends before ${words.map((word) => `{% ${word} %}`).join(' or ')}`);
    this.#depth -= 1;
    return { body, ended: '' };
  }

  /** The body of a block; the word that ended it is taken, the end of its tag is not. */
  #body(...words: readonly string[]): { readonly body: Body; readonly ended: string } {
    this.#parser.skip('sign', ':');
    this.#parser.expect('end');
    return this.#until(words);
  }

  #statement(word: string): Form {
    const made = STATEMENTS.get(word);
    if (made === undefined) return this.#parser.fail(`Encountered unknown tag '${word}'.`);
    return made(this);
  }

  for(): Form {
    const parser = this.#parser;
    const target = parser.target(false);
    parser.expect('name', 'in');
    const items = parser.tuple({ withChoice: false, before: 'recursive' });
    const test = parser.skip('name', 'if') ? parser.expression() : undefined;
    const recursive = parser.skip('name', 'recursive');
    this.#loops += 1;
    const { body, ended } = this.#body('endfor', 'else');
    this.#loops -= 1;
    const otherwise = ended === 'else' ? this.#body('endfor').body : [];
    return { kind: 'for', loop: { target, items, test, recursive, body, otherwise } };
  }

  if(): Form {
    const branches: Branch[] = [];
    for (;;) {
      const test = this.#parser.tuple({ withChoice: false });
      const { body, ended } = this.#body('elif', 'else', 'endif');
      branches.push({ test, body });
      if (ended === 'endif') return { kind: 'if', branches, otherwise: [] };
      if (ended === 'else') return { kind: 'if', branches, otherwise: this.#body('endif').body };
    }
  }

  set(): Form {
    const parser = this.#parser;
    const target = parser.target(true);
    if (parser.skip('sign', '=')) return { kind: 'set', target, value: parser.tuple() };
    const filters: Filter[] = [];
    while (parser.skip('sign', '|')) filters.push(parser.filter());
    return { kind: 'set_block', target, filters, body: this.#body('endset').body };
  }

  macro(): Form {
    return { kind: 'macro', macro: this.#macro(this.#parser.expect('name').text, 'endmacro') };
  }

  #macro(name: string, end: string): Macro {
    const parameters = this.#parser.is('sign', '(') ? this.#parameters() : [];
    return { name, parameters, ...this.#macroBody(end) };
  }

  /** A loop outside cannot be left from inside of a macro. */
  #macroBody(end: string): Pick<Macro, 'body' | 'uses'> {
    const loops = this.#loops;
    this.#loops = 0;
    const { body } = this.#body(end);
    this.#loops = loops;
    const text = JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? 0 : value));
    return { body, uses: new Set(SPECIAL.filter((name) => text.includes(`{"kind":"name","name":"${name}"}`))) };
  }

  #parameters(): Parameter[] {
    const parser = this.#parser;
    const parameters: Parameter[] = [];
    parser.expect('sign', '(');
    while (!parser.is('sign', ')')) {
      if (parameters.length > 0) parser.expect('sign', ',');
      const name = parser.expect('name').text;
      const otherwise = parser.skip('sign', '=') ? parser.expression() : undefined;
      if (otherwise === undefined && parameters.at(-1)?.otherwise !== undefined)
        parser.fail('non-default argument follows default argument');
      parameters.push({ name, otherwise });
    }
    parser.expect('sign', ')');
    return parameters;
  }

  call(): Form {
    const parser = this.#parser;
    const parameters = parser.is('sign', '(') ? this.#parameters() : [];
    const called = parser.expression();
    if (called.kind !== 'call') return parser.fail('expected call');
    const macro: Macro = { name: 'caller', parameters, ...this.#macroBody('endcall') };
    return { kind: 'call', macro, of: called.of, given: called.given };
  }

  filter(): Form {
    const filters = [this.#parser.filter()];
    while (this.#parser.skip('sign', '|')) filters.push(this.#parser.filter());
    return { kind: 'filter', filters, body: this.#body('endfilter').body };
  }

  with(): Form {
    const parser = this.#parser;
    const values: (readonly [Target, ReturnType<typeof parser.expression>])[] = [];
    while (!parser.is('end')) {
      if (values.length > 0) parser.expect('sign', ',');
      const target = parser.target(false);
      parser.expect('sign', '=');
      values.push([target, parser.expression()]);
    }
    return { kind: 'with', values, body: this.#body('endwith').body };
  }

  generation(): Form {
    return { kind: 'scope', body: this.#body('endgeneration').body };
  }

  block(): Form {
    const name = this.#parser.expect('name').text;
    if (this.#seen.has(name)) this.#parser.fail(`block '${name}' defined twice`);
    this.#seen.add(name);
    this.#parser.skip('name', 'scoped');
    const { body } = this.#body('endblock');
    this.#parser.skip('name', name);
    return { kind: 'scope', body };
  }

  jump(kind: 'break' | 'continue'): Form {
    if (this.#loops === 0) this.#parser.fail(`'${kind}' outside loop`);
    return { kind };
  }
}

const STATEMENTS: ReadonlyMap<string, (parser: StatementParser) => Form> = new Map<
  string,
  (parser: StatementParser) => Form
>([
  ['for', (parser) => parser.for()],
  ['if', (parser) => parser.if()],
  ['set', (parser) => parser.set()],
  ['macro', (parser) => parser.macro()],
  ['call', (parser) => parser.call()],
  ['filter', (parser) => parser.filter()],
  ['with', (parser) => parser.with()],
  ['generation', (parser) => parser.generation()],
  ['block', (parser) => parser.block()],
  ['break', (parser) => parser.jump('break')],
  ['continue', (parser) => parser.jump('continue')],
]);
