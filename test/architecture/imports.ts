// Owns the finding of a file's imports. Knows no law about them.
import { posix } from 'node:path';
import type { SourceFile } from './source.ts';
import type { Token } from './tokens.ts';

export interface Import {
  /** As written, without quotes. '' where a dynamic import takes something that is not a plain string. */
  readonly specifier: string;
  readonly dynamic: boolean;
  readonly line: number;
}

/** Static imports, re-exports and dynamic imports, in order. `import type` counts: a type binds rooms as well. */
export function importsOf(file: SourceFile): Import[] {
  const tokens = file.code;
  return tokens.flatMap((token, index) => {
    if (token.kind !== 'word' || isMember(tokens, index)) return [];
    if (token.text === 'import') return readImport(tokens, index);
    if (token.text === 'export') return readReExport(tokens, index);
    return [];
  });
}

/** The path a relative import leads to, relative to the repository; undefined for packages. */
export function targetOf(file: SourceFile, found: Import): string | undefined {
  if (!found.specifier.startsWith('.')) return undefined;
  return posix.join(posix.dirname(file.path), found.specifier);
}

function isMember(tokens: readonly Token[], index: number): boolean {
  const before = tokens[index - 1]?.text;
  return before === '.' || before === '?.' || tokens[index + 1]?.text === ':';
}

function readImport(tokens: readonly Token[], index: number): Import[] {
  const line = tokens[index]?.line ?? 0;
  const next = tokens[index + 1];
  if (next === undefined || next.text === '.') return [];
  if (next.text === '(') {
    const argument = tokens[index + 2];
    return [{ specifier: argument?.kind === 'string' ? unquote(argument.text) : '', dynamic: true, line }];
  }
  if (next.kind === 'string') return [{ specifier: unquote(next.text), dynamic: false, line }];
  return readFrom(tokens, index + 1, line);
}

function readReExport(tokens: readonly Token[], index: number): Import[] {
  const next = tokens[index + 1]?.text === 'type' ? tokens[index + 2] : tokens[index + 1];
  if (next?.text !== '{' && next?.text !== '*') return [];
  return readFrom(tokens, index + 1, tokens[index]?.line ?? 0);
}

/** `… from 'x'` before the statement can have ended. */
function readFrom(tokens: readonly Token[], start: number, line: number): Import[] {
  for (let index = start; index < tokens.length; index += 1) {
    const [token, next] = [tokens[index], tokens[index + 1]];
    if (token?.text === ';' || token?.text === '=') return [];
    if (token?.text === 'from' && next?.kind === 'string')
      return [{ specifier: unquote(next.text), dynamic: false, line }];
  }
  return [];
}

function unquote(text: string): string {
  return text.slice(1, -1);
}
