// Owns the reading of YAML text: its value, the line and column of everything in it, every mistake in it. Knows no schema of its own.
import type { Document, Node, YAMLError } from 'yaml';
import type { z } from 'zod';
import type { ErrorCode, ErrorPlace } from './errors.ts';
import { explainIssues } from './explain-issues.ts';
import { lateLibrary } from './late-library.ts';
import { byPlace, type FieldPath, fieldName, type Problem, problemsError } from './problems.ts';

export interface YamlText {
  /** `undefined` if the text holds no value. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Place of the value at a path, of its key where `key` is set, or of the nearest thing around it that exists. */
  readonly placeOf: (path: FieldPath, key?: boolean) => ErrorPlace;
}

const library = lateLibrary('yaml');

const MOST_ALIASES = 100;
const SYNTAX: Readonly<Record<string, string>> = {
  BAD_INDENT: 'this line is indented wrongly',
  TAB_AS_INDENT: 'a tab is used for indentation: use spaces',
  MULTIPLE_DOCS: 'a second document begins here: only one is read',
  MISSING_CHAR: 'a character is missing here: a quote, a comma, a bracket or a colon',
  BLOCK_AS_IMPLICIT_KEY: 'a value spans lines where it must not: is it indented wrongly, or is a quote missing?',
  UNEXPECTED_TOKEN: 'something stands here that does not belong here',
  TAG_RESOLVE_FAILED: 'a tag is used that is not known here',
};

/**
 * Never throws; what is wrong is in `problems`. Messages never quote a value of the file. `aliases`: `*name` is refused, or resolved
 * as long as they are few enough to fit in memory.
 */
export function readYaml(text: string, file: string, aliases: 'refused' | 'resolved' = 'resolved'): YamlText {
  const { LineCounter, parseDocument } = library();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, strict: true });
  const at = (offset: number): ErrorPlace => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const placeOf = (path: FieldPath, key = false): ErrorPlace => {
    const place = at(offsetOf(document, path, key));
    return path.length === 0 ? place : { ...place, field: fieldName(path) };
  };
  const problems = [
    ...[...document.errors, ...document.warnings].map((error) => syntaxProblem(error, text, at)),
    ...(aliases === 'refused' ? aliasProblems(document, at) : []),
  ];
  const unreadable = document.errors.some((error) => error.code !== 'DUPLICATE_KEY');
  if (unreadable) return { value: undefined, problems, placeOf };
  try {
    return { value: document.toJS({ maxAliasCount: MOST_ALIASES }) ?? undefined, problems, placeOf };
  } catch {
    const problem = { place: at(0), text: 'the aliases (*name) of this file do not resolve, or there are too many' };
    return { value: undefined, problems: [...problems, problem], placeOf };
  }
}

/** The value by the schema. Throws `code` with the place of the first problem; the message tells all of them. */
export function parseYaml<Schema extends z.ZodType>(
  text: string,
  file: string,
  late: () => Schema,
  code: ErrorCode,
): { readonly value: z.output<Schema>; readonly placeOf: YamlText['placeOf'] } {
  const { value, problems, placeOf } = readYaml(text, file);
  if (problems.length > 0) throw problemsError(code, problems.toSorted(byPlace));
  const schema = late();
  const parsed = schema.safeParse(value ?? {});
  if (parsed.success) return { value: parsed.data, placeOf };
  const told = explainIssues(parsed.error.issues, value ?? {}, schema);
  throw problemsError(code, told.map((one) => ({ place: placeOf(one.path, one.onKey), text: one.text })).sort(byPlace));
}

function aliasProblems(document: Document.Parsed, at: (offset: number) => ErrorPlace): readonly Problem[] {
  const found: Problem[] = [];
  library().visit(document, {
    Alias: (_, { range }) => {
      found.push({ place: at(range?.[0] ?? 0), text: 'expected a value, found an alias' });
    },
  });
  return found;
}

function syntaxProblem(error: YAMLError, text: string, at: (offset: number) => ErrorPlace): Problem {
  const place = at(error.pos[0]);
  if (error.code === 'BAD_INDENT' && error.message.startsWith('Flow'))
    return { place, text: 'a bracket that was opened is not closed before this' };
  if (error.code !== 'DUPLICATE_KEY')
    return { place, text: SYNTAX[error.code] ?? `this is not valid YAML (${error.code.toLowerCase()})` };
  const key = /^["']?([\w.-]{1,64})/.exec(text.slice(error.pos[0], error.pos[0] + 70))?.[1] ?? '';
  return {
    place: key === '' ? place : { ...place, field: key },
    text: `the key ${JSON.stringify(key)} is given twice`,
  };
}

function offsetOf(document: Document.Parsed, path: FieldPath, key: boolean): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, part] of path.entries()) {
    const step = enter(library().isAlias(node) ? node.resolve(document) : node, part);
    if (step === undefined) return offset;
    const onKey = key && index === path.length - 1;
    offset = (onKey ? undefined : startOf(step.value)) ?? startOf(step.key) ?? offset;
    node = step.value;
  }
  return offset;
}

function enter(node: unknown, part: string | number): { readonly key?: unknown; readonly value: unknown } | undefined {
  const { isMap, isSeq } = library();
  if (isSeq(node))
    return typeof part === 'number' && part < node.items.length ? { value: node.items[part] } : undefined;
  return isMap(node) ? node.items.find(({ key }) => textOf(key) === String(part)) : undefined;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function textOf(key: unknown): string {
  return library().isScalar(key) ? String(key.value) : '';
}
