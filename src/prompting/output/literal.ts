// Owns lists and dicts as Python writes them, read as JSON: models trained on Python write them so. Knows no schema.

const SPACE = /[ \t\r\n]*/y;
const STRING = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const NUMBER = /[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;
const WORD = /(?:True|False|None|true|false|null)\b/y;
const WORDS: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null' };
const SIMPLE: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '\n': '' };
const DEEPEST = 100;

/** JSON text of a literal; undefined if it is none to the letter. Commas at the end are allowed, as in Python. */
export function fromLiteral(text: string): string | undefined {
  const reader = new LiteralReader(text);
  const json = reader.value(0);
  return json !== undefined && reader.isAtEnd() ? json : undefined;
}

class LiteralReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  isAtEnd(): boolean {
    this.#match(SPACE);
    return this.#at === this.#text.length;
  }

  value(depth: number): string | undefined {
    if (depth > DEEPEST) return undefined;
    this.#match(SPACE);
    if (this.#skip('{')) return this.#members('}', depth);
    if (this.#skip('[')) return this.#members(']', depth);
    if (this.#skip('(')) return this.#members(')', depth);
    const word = this.#match(WORD);
    if (word !== '') return WORDS[word] ?? word;
    const number = this.#match(NUMBER);
    if (number !== '') return Number.isFinite(Number(number)) ? JSON.stringify(Number(number)) : undefined;
    return this.#string();
  }

  #members(end: '}' | ']' | ')', depth: number): string | undefined {
    const parts: string[] = [];
    for (;;) {
      this.#match(SPACE);
      if (this.#skip(end)) return end === '}' ? `{${parts.join(', ')}}` : `[${parts.join(', ')}]`;
      const part = end === '}' ? this.#member(depth) : this.value(depth + 1);
      if (part === undefined) return undefined;
      parts.push(part);
      this.#match(SPACE);
      if (!this.#skip(',') && this.#text[this.#at] !== end) return undefined;
    }
  }

  #member(depth: number): string | undefined {
    const key = this.#string();
    this.#match(SPACE);
    if (key === undefined || !this.#skip(':')) return undefined;
    const value = this.value(depth + 1);
    return value === undefined ? undefined : `${key}: ${value}`;
  }

  #string(): string | undefined {
    const found = this.#match(STRING);
    if (found === '') return undefined;
    const text = found.slice(1, -1).replace(/\\(?:u([\da-fA-F]{4})|x([\da-fA-F]{2})|([^]))/g, (...parts: string[]) => {
      const [, four, two, sign = ''] = parts;
      const code = four ?? two;
      return code === undefined ? (SIMPLE[sign] ?? sign) : String.fromCharCode(Number.parseInt(code, 16));
    });
    return JSON.stringify(text);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #skip(sign: string): boolean {
    const found = this.#text.startsWith(sign, this.#at);
    if (found) this.#at += 1;
    return found;
  }
}
