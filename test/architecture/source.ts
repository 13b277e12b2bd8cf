// Owns what the checks of the house look at and how they answer. Knows no rule.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokensOf, type Token } from './tokens.ts';

/** `path` is relative to the repository, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  /** Cut when first asked for, once. */
  readonly tokens: readonly Token[];
  /** The tokens that mean something to the language: all but comments. */
  readonly code: readonly Token[];
}

export function sourceFile(path: string, text: string): SourceFile {
  let tokens: readonly Token[] | undefined;
  let code: readonly Token[] | undefined;
  return {
    path,
    text,
    get tokens() {
      tokens ??= tokensOf(text);
      return tokens;
    },
    get code() {
      code ??= this.tokens.filter((token) => token.kind !== 'comment');
      return code;
    },
  };
}

export interface Problem {
  readonly rule: string;
  readonly path: string;
  /** 1 is the first; 0 where the whole file is meant. */
  readonly line: number;
  readonly message: string;
}

/** One line for a person. */
export function formatProblem({ rule, path, line, message }: Problem): string {
  return `${path}${line === 0 ? '' : `:${line}`}: ${message} [${rule}]`;
}

const NOT_OURS = new Set(['node_modules', '.git', '.caisson']);

/** Every file under `folder` (relative to `root`; '' is all) that `wanted` takes, sorted. Links are not followed. */
export function readFiles(root: string, folder: string, wanted: (path: string) => boolean): SourceFile[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !NOT_OURS.has(entry.name))
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return readFiles(root, path, wanted);
      return entry.isFile() && wanted(path) ? [sourceFile(path, readFileSync(join(root, path), 'utf8'))] : [];
    });
}
