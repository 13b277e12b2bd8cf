// Owns the words and shapes that may not stand in our code. Knows no room but where the environment may be read.
import { roomOf } from './law.ts';
import type { Problem, SourceFile } from './source.ts';
import type { Token } from './tokens.ts';

/** Sequences of code tokens, separated by spaces. */
const FORBIDDEN: readonly { readonly rule: string; readonly sequence: string; readonly message: string }[] = [
  { rule: 'cast', sequence: 'as unknown as', message: '`as unknown as` hides a wrong type' },
  { rule: 'default-export', sequence: 'export default', message: 'exports have names' },
  { rule: 'default-export', sequence: 'as default', message: 'exports have names' },
  { rule: 'barrel', sequence: 'export *', message: 'no file passes on another one whole' },
];
const ENVIRONMENT: readonly string[] = ['process . env', 'process ?. env', 'process [', '} = process'];
const SUPPRESSION = /@ts-(?:ignore|expect-error|nocheck)|(?:eslint|oxlint|biome)-(?:disable|ignore)/;
const CONTAINERS = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'Array']);

/** For all our TypeScript, tests included. */
export function checkWords(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) => {
    const { tokens, code } = file;
    const problem: Complain = (rule, line, message) => ({ rule, path: file.path, line, message });
    return [
      ...FORBIDDEN.flatMap(({ rule, sequence, message }) =>
        linesOf(code, sequence).map((line) => problem(rule, line, message)),
      ),
      ...code.flatMap((token, index) => (isAnyType(code, index) ? [problem('any', token.line, 'no `any`')] : [])),
      ...tokens
        .filter((token) => token.kind === 'comment' && SUPPRESSION.test(token.text))
        .map((token) => problem('suppression', token.line, 'a finding is repaired, not silenced')),
    ];
  });
}

/** For src/: nobody but config/ reads the environment, and no module keeps state of its own. */
export function checkState(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) => {
    const { code } = file;
    const problem: Complain = (rule, line, message) => ({ rule, path: file.path, line, message });
    const state = moduleState(code).map((line) => problem('module-state', line, 'a module keeps no state'));
    if (roomOf(file.path) === 'config') return state;
    const reads = [
      ...ENVIRONMENT.flatMap((sequence) => linesOf(code, sequence)),
      ...code.filter((token) => /^['"](?:node:)?process['"]$/.test(token.text)).map((token) => token.line),
    ];
    return [...state, ...reads.map((line) => problem('environment', line, 'only config/ reads the environment'))];
  });
}

type Complain = (rule: string, line: number, message: string) => Problem;

function linesOf(code: readonly Token[], sequence: string): number[] {
  const words = sequence.split(' ');
  return code
    .filter((_, index) => words.every((word, offset) => isCode(code[index + offset], word)))
    .map((token) => token.line);
}

function isCode(token: Token | undefined, word: string): boolean {
  return token?.text === word && (token.kind === 'word' || token.kind === 'sign');
}

/** A member (`Promise.any`), a key (`any: 1`), a declaration and a call are names, not the type. */
function isAnyType(code: readonly Token[], index: number): boolean {
  if (!isCode(code[index], 'any')) return false;
  const [before, after] = [code[index - 1]?.text ?? '', code[index + 1]?.text ?? ''];
  if (['.', '?.', 'const', 'function'].includes(before)) return false;
  return !(after === ':' && ['{', ',', ';'].includes(before)) && after !== '(';
}

/** Lines at depth 0 of `let`, `var`, and of containers that are made empty. */
function moduleState(code: readonly Token[]): number[] {
  let depth = 0;
  return code.flatMap((token, index) => {
    if (token.kind === 'sign' && '([{'.includes(token.text)) depth += 1;
    if (token.kind === 'sign' && ')]}'.includes(token.text)) depth -= 1;
    if (depth !== 0 || token.kind !== 'word') return [];
    if (token.text === 'let' || token.text === 'var') return [token.line];
    return token.text === 'new' && isEmptyContainer(code, index + 1) ? [token.line] : [];
  });
}

function isEmptyContainer(code: readonly Token[], index: number): boolean {
  if (!CONTAINERS.has(code[index]?.text ?? '')) return false;
  let at = index + 1;
  if (code[at]?.text === '<') while (at < code.length && code[at]?.text !== '(') at += 1;
  return code[at]?.text === '(' && code[at + 1]?.text === ')';
}
