// Owns the cutting of a template into text, tags and words, with the white space that tags take away. Knows no meaning.
import { SPACE, stripRight } from '../python/spaces.ts';
import { TemplateSyntaxError } from './tree.ts';

export interface Token {
  readonly kind: 'text' | 'print' | 'tag' | 'end' | 'name' | 'string' | 'integer' | 'float' | 'sign' | 'eof';
  readonly text: string;
  readonly line: number;
}

const OPENING = new RegExp(`\\{%([-+]?)[${SPACE}]*raw[${SPACE}]*(-%\\}[${SPACE}]*|%\\})|(\\{[%{#])([-+]?)`, 'g');
const END_OF_RAW = new RegExp(`\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`, 'g');
const END_OF_COMMENT = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, 'g');
const END_OF_TAG = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, 'y');
const END_OF_PRINT = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, 'y');
const BLANK = new RegExp(`[${SPACE}]+`, 'y');
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const INTEGER = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const NAME = /[\p{L}\p{N}_]+/uy;
const STRING = /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"/y;
const SIGN = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const WORDS = [
  ['float', FLOAT],
  ['integer', INTEGER],
  ['name', NAME],
  ['string', STRING],
  ['sign', SIGN],
] as const;
const BRACES: Readonly<Record<string, string>> = { '{': '}', '(': ')', '[': ']' };

/** As Jinja cuts it with `trim_blocks` and `lstrip_blocks`. Throws TemplateSyntaxError. */
export function cutTemplate(source: string): Token[] {
  return new Lexer(source).run();
}

class Lexer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  #at = 0;
  #line = 1;
  #startsLine = true;

  constructor(source: string) {
    const plain = source.replace(/\r\n|\r/g, '\n');
    this.#source = plain.endsWith('\n') ? plain.slice(0, -1) : plain;
  }

  run(): Token[] {
    for (;;) {
      OPENING.lastIndex = this.#at;
      const found = OPENING.exec(this.#source);
      if (found === null) break;
      this.#open(found);
    }
    this.#add('text', this.#source.slice(this.#at));
    this.#add('eof', '');
    return this.#tokens;
  }

  #open(found: RegExpExecArray): void {
    const before = this.#source.slice(this.#at, found.index);
    const [whole, rawSign, , opening, sign] = found;
    this.#text(before, rawSign ?? sign ?? '', opening === '{{');
    this.#take(before + whole);
    if (opening === undefined) this.#raw();
    else if (opening === '{#') this.#skipTo(END_OF_COMMENT, 'Missing end of comment tag');
    else this.#inside(opening === '{{');
  }

  /** Text before a tag, without the white space that the tag takes away. */
  #text(text: string, sign: string, isPrint: boolean): void {
    if (sign === '-') return this.#add('text', stripRight(text));
    const lineStart = text.lastIndexOf('\n') + 1;
    const strips = sign !== '+' && !isPrint && (lineStart > 0 || this.#startsLine);
    const isBlank = stripRight(text.slice(lineStart)) === '';
    return this.#add('text', strips && isBlank ? text.slice(0, lineStart) : text);
  }

  #raw(): void {
    END_OF_RAW.lastIndex = this.#at;
    const found = END_OF_RAW.exec(this.#source);
    if (found === null) throw new TemplateSyntaxError('Missing end of raw directive', this.#line);
    const text = this.#source.slice(this.#at, found.index);
    this.#text(text, found[1] ?? '', false);
    this.#take(text + found[0]);
  }

  #skipTo(pattern: RegExp, complaint: string): void {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source);
    if (found === null) throw new TemplateSyntaxError(complaint, this.#line);
    this.#take(this.#source.slice(this.#at, found.index) + found[0]);
  }

  #inside(isPrint: boolean): void {
    this.#add(isPrint ? 'print' : 'tag', '');
    const closing: string[] = [];
    for (;;) {
      const end = closing.length === 0 ? this.#match(isPrint ? END_OF_PRINT : END_OF_TAG) : undefined;
      if (end !== undefined) {
        this.#add('end', '');
        return this.#take(end);
      }
      const blank = this.#match(BLANK);
      if (blank === undefined) this.#word(closing);
      else this.#take(blank);
    }
  }

  #word(closing: string[]): void {
    for (const [kind, pattern] of WORDS) {
      const text = this.#match(pattern);
      if (text === undefined) continue;
      if (kind === 'sign') this.#balance(text, closing);
      if (kind === 'name' && /^\p{N}/u.test(text))
        throw new TemplateSyntaxError('Invalid character in identifier', this.#line);
      this.#add(kind, kind === 'string' ? unescape(text.slice(1, -1), this.#line) : text);
      return this.#take(text);
    }
    const found = this.#source[this.#at];
    throw new TemplateSyntaxError(
      found === undefined ? 'the template ends inside a tag' : `unexpected char '${found}' at ${this.#at}`,
      this.#line,
    );
  }

  #balance(text: string, closing: string[]): void {
    if (BRACES[text] !== undefined) closing.push(BRACES[text]);
    if (text !== '}' && text !== ')' && text !== ']') return;
    const expected = closing.pop();
    if (expected === text) return;
    const complaint = expected === undefined ? '' : `, expected '${expected}'`;
    throw new TemplateSyntaxError(`unexpected '${text}'${complaint}`, this.#line);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#source)?.[0];
  }

  #take(text: string): void {
    this.#at += text.length;
    this.#startsLine = text.endsWith('\n');
    for (const sign of text) if (sign === '\n') this.#line += 1;
  }

  #add(kind: Token['kind'], text: string): void {
    if (kind !== 'text' || text !== '') this.#tokens.push({ kind, text, line: this.#line });
  }
}

const ESCAPE = /\\(?:(\n)|([\\'"abfnrtv])|([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([xuUN]))/g;
const LETTERS: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** Escapes of a Python text; those that Python does not know stay as they are. */
function unescape(text: string, line: number): string {
  return text.replace(ESCAPE, (...found: (string | undefined)[]) => {
    const [, newline, letter, octal, two, four, eight, broken] = found;
    if (newline !== undefined) return '';
    if (letter !== undefined) return LETTERS[letter] ?? letter;
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    if (broken !== undefined) throw new TemplateSyntaxError(`cannot read the escape \\${broken}`, line);
    return String.fromCodePoint(Number.parseInt(two ?? four ?? eight ?? '0', 16));
  });
}
