// Owns the way from YAML text to a plain value, and back from a place in the value to its line. Knows no schema.
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';

export interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly problem: string;
}

export interface YamlSource {
  readonly value: unknown;
  /** Where the value at that path begins; of a path that is not there, the nearest that is around it. `key`: where its key stands. */
  place(path: readonly PropertyKey[], key?: string): { readonly line: number; readonly column: number };
}

/** The parsed text, or every mistake of its syntax. Anchors are refused: a rule says all it means where it stands. */
export function readYaml(
  text: string,
): { readonly ok: true; readonly source: YamlSource } | { readonly ok: false; readonly mistakes: readonly Mistake[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const mistakes = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    ...at(pos[0]),
    problem: message.charAt(0).toLowerCase() + message.slice(1),
  }));
  visit(document, {
    Alias: (_, { range }) =>
      void mistakes.push({ ...at(range?.[0] ?? 0), problem: 'expected a value, found an alias' }),
  });
  if (mistakes.length > 0) return { ok: false, mistakes };
  const place: YamlSource['place'] = (path, key) => at(offsetOf(document, path, key));
  return { ok: true, source: { value: document.toJS(), place } };
}

function offsetOf({ contents }: Document.Parsed, path: readonly PropertyKey[], key: string | undefined): number {
  let node: Node | null = contents;
  for (const part of path) {
    const inner: Node | undefined = childOf(node, part)?.value;
    if (inner === undefined) break;
    node = inner;
  }
  const named = key === undefined ? undefined : childOf(node, key)?.key;
  return (named ?? node)?.range?.[0] ?? 0;
}

function childOf(node: Node | null, part: PropertyKey): { readonly key?: Node; readonly value?: Node } | undefined {
  if (isSeq(node)) return { value: node.items[Number(part)] as Node };
  if (!isMap(node)) return undefined;
  const pair = node.items.find(({ key }) => isScalar(key) && key.value === part);
  return pair === undefined ? undefined : { key: pair.key as Node, value: (pair.value ?? pair.key) as Node };
}
