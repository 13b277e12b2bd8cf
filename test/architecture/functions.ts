// Owns the finding of function bodies in tokens. Knows no ceiling.
import type { SourceFile } from './source.ts';
import type { Token } from './tokens.ts';

export interface FunctionSpan {
  /** Line of its parameters. */
  readonly first: number;
  readonly last: number;
}

/** These take parentheses and a block without being functions. */
const CONTROL = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);
/** Before a brace these mean that a type goes on, not that a body begins. */
const TYPE_GOES_ON = new Set([':', '|', '&', '<', ',', '=>', '(', '[', 'is', 'extends', '?', 'keyof', 'readonly']);
/** Where one of these stands, no return type can still be going on. */
const TYPE_ENDS = new Set([';', '=', ')', '}', ']']);

/** Declarations, methods and arrows with a block, nested ones as well. */
export function functionsOf(file: SourceFile): FunctionSpan[] {
  const tokens = file.code;
  const closers = matchBrackets(tokens);
  return tokens.flatMap((token, index) => {
    const body = token.text === '=>' ? arrowBody(tokens, index) : declaredBody(tokens, closers, index);
    const end = body === undefined ? undefined : tokens[closers.get(body) ?? -1];
    return end === undefined ? [] : [{ first: firstLine(tokens, closers, index), last: end.line }];
  });
}

function arrowBody(tokens: readonly Token[], index: number): number | undefined {
  return tokens[index + 1]?.text === '{' ? index + 1 : undefined;
}

/** Index of the brace that follows the parameters opened at `index`; undefined where that is no function. */
function declaredBody(
  tokens: readonly Token[],
  closers: ReadonlyMap<number, number>,
  index: number,
): number | undefined {
  if (tokens[index]?.text !== '(' || CONTROL.has(tokens[index - 1]?.text ?? '')) return undefined;
  const close = closers.get(index);
  if (close === undefined) return undefined;
  if (tokens[close + 1]?.text === '{') return close + 1;
  return tokens[close + 1]?.text === ':' ? afterReturnType(tokens, closers, close + 2) : undefined;
}

function afterReturnType(
  tokens: readonly Token[],
  closers: ReadonlyMap<number, number>,
  start: number,
): number | undefined {
  for (let index = start; index < tokens.length; index += 1) {
    const text = tokens[index]?.text ?? '';
    if (TYPE_ENDS.has(text) || text === '=>') return undefined;
    if (text === '{' && !TYPE_GOES_ON.has(tokens[index - 1]?.text ?? '')) return index;
    if ('([{'.includes(text)) index = closers.get(index) ?? tokens.length;
  }
  return undefined;
}

/** For an arrow the line of its parameters, else the line of the opening parenthesis. */
function firstLine(tokens: readonly Token[], closers: ReadonlyMap<number, number>, index: number): number {
  const own = tokens[index]?.line ?? 0;
  if (tokens[index]?.text !== '=>' || tokens[index - 1]?.text !== ')') return own;
  const open = [...closers].find(([, close]) => close === index - 1)?.[0];
  return tokens[open ?? index]?.line ?? own;
}

/** Index of each opening bracket to the index of its closing one. */
function matchBrackets(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const open: number[] = [];
  const closers = new Map<number, number>();
  tokens.forEach((token, index) => {
    if (token.kind !== 'sign') return;
    if ('([{'.includes(token.text)) open.push(index);
    const opener = ')]}'.includes(token.text) ? open.pop() : undefined;
    if (opener !== undefined) closers.set(opener, index);
  });
  return closers;
}
