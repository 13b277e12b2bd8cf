// Owns the cutting of TypeScript into tokens, so that no rule is fooled by a string, a comment or a pattern. Knows no rule.

export type TokenKind = 'word' | 'number' | 'string' | 'template' | 'pattern' | 'comment' | 'sign';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Of its first character; 1 is the first. */
  readonly line: number;
}

const SPACE = /\s+/y;
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y;
const NUMBER = /\d[\w.]*/y;
const WORD = /[\p{ID_Start}$_#@][\p{ID_Continue}$]*/uy;
const PATTERN = /\/(?![*/])(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const SIGN = /=>|\?\.|\.\.\.|\S/y;
const TEMPLATE_PART = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y;

/** After these words a slash begins a pattern, not a division. */
const BEFORE_PATTERN = new Set('return typeof case in of delete void throw new else do await yield'.split(' '));

/** All tokens of a file in order, comments included; white space is left out. Never throws: what it does not know is a `sign`. */
export function tokensOf(text: string): Token[] {
  const cursor: Cursor = { text, at: 0, line: 1, tokens: [], templates: [] };
  while (cursor.at < text.length) step(cursor);
  return cursor.tokens;
}

interface Cursor {
  readonly text: string;
  at: number;
  line: number;
  readonly tokens: Token[];
  /** For each template that is open: how many braces are open inside its present `${`. */
  readonly templates: number[];
}

function step(cursor: Cursor): void {
  if (skip(cursor, SPACE)) return;
  if (take(cursor, COMMENT, 'comment') || take(cursor, STRING, 'string') || take(cursor, NUMBER, 'number')) return;
  if (take(cursor, WORD, 'word')) return;
  if (patternMayBegin(cursor.tokens) && take(cursor, PATTERN, 'pattern')) return;
  const next = cursor.text.charAt(cursor.at);
  if (next === '`') return openTemplate(cursor);
  if (next === '}' && cursor.templates.at(-1) === 0) return goOnTemplate(cursor);
  countBrace(cursor, next);
  take(cursor, SIGN, 'sign');
}

function openTemplate(cursor: Cursor): void {
  cursor.templates.push(0);
  goOnTemplate(cursor);
}

/** From the back quote or from the brace that closes an expression, to the next expression or the end. */
function goOnTemplate(cursor: Cursor): void {
  const start = cursor.at;
  TEMPLATE_PART.lastIndex = start + 1;
  const part = TEMPLATE_PART.exec(cursor.text)?.[0];
  const end = part === undefined ? cursor.text.length : start + 1 + part.length;
  if (part === undefined || part.endsWith('`')) cursor.templates.pop();
  add(cursor, 'template', cursor.text.slice(start, end));
}

function countBrace(cursor: Cursor, next: string): void {
  const open = cursor.templates.at(-1);
  if (open === undefined) return;
  if (next === '{') cursor.templates[cursor.templates.length - 1] = open + 1;
  if (next === '}') cursor.templates[cursor.templates.length - 1] = open - 1;
}

function patternMayBegin(tokens: readonly Token[]): boolean {
  const before = tokens.findLast((token) => token.kind !== 'comment');
  if (before === undefined) return true;
  if (before.kind === 'word') return BEFORE_PATTERN.has(before.text);
  if (before.kind === 'template') return before.text.endsWith('${');
  return before.kind === 'sign' && ![')', ']', '}'].includes(before.text);
}

function take(cursor: Cursor, pattern: RegExp, kind: TokenKind): boolean {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text)?.[0];
  if (found === undefined) return false;
  add(cursor, kind, found);
  return true;
}

function add(cursor: Cursor, kind: TokenKind, text: string): void {
  cursor.tokens.push({ kind, text, line: cursor.line });
  advance(cursor, text);
}

function skip(cursor: Cursor, pattern: RegExp): boolean {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text)?.[0];
  if (found === undefined) return false;
  advance(cursor, found);
  return true;
}

function advance(cursor: Cursor, text: string): void {
  cursor.at += text.length;
  cursor.line += text.split('\n').length - 1;
}
