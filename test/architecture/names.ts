// Owns how files and folders may be named and how a file of ours begins. Knows nothing inside.
import type { Problem, SourceFile } from './source.ts';

const EMPTY_NAMES = /^(?:utils?|utilities|helpers?|managers?|misc|common|index)$/;
const OPENING = /^(?:#!.*\n)?\/\/ Owns .{10,}/;

/** A name says what lies in the file: no drawer for odds and ends. */
export function checkNames(files: readonly SourceFile[]): Problem[] {
  return files.flatMap(({ path }) => {
    const empty = path.split(/[/.-]/).filter((word) => EMPTY_NAMES.test(word));
    return empty.map((word) => ({ rule: 'name', path, line: 0, message: `\`${word}\` names no noun` }));
  });
}

/** The first line says what the file owns. */
export function checkOpenings(files: readonly SourceFile[]): Problem[] {
  return files
    .filter(({ text }) => !OPENING.test(text))
    .map(({ path }) => ({ rule: 'opening', path, line: 1, message: 'the first line is a comment: `// Owns …`' }));
}
