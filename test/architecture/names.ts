// Owns how files and folders may be named and how a file of ours begins. Knows nothing inside.
import type { Problem, SourceFile } from './source.ts';

const EMPTY_NAMES = /^(?:utils?|utilities|helpers?|managers?|misc|common|index)$/;
/** The product says what a file owns; a test or a script may say instead what it shows. */
const OPENING_OF_SOURCE = /^\/\/ Owns .{10,}/;
const OPENING = /^(?:#!.*\n)?\/\/ .{15,}/;

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
    .filter(({ path, text }) => !(path.startsWith('src/') ? OPENING_OF_SOURCE : OPENING).test(text))
    .map(({ path }) => ({ rule: 'opening', path, line: 1, message: 'the first line is a comment: `// Owns …`' }));
}
