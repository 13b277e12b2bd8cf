// Owns the ceilings on files, lines and functions. Knows no meaning of the code.
import { functionsOf } from './functions.ts';
import { roomOf } from './law.ts';
import type { Problem, SourceFile } from './source.ts';

const FILE_LINES = 400;
const ROOT_LINES = 200;
const LINE_CHARACTERS = 140;
const FUNCTION_LINES = 60;

/** Files and lines; for any text that is ours. */
export function checkFileSizes(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) => {
    const lines = file.text.replace(/\n$/, '').split('\n');
    const ceiling = roomOf(file.path) === 'root' ? ROOT_LINES : FILE_LINES;
    const problem = (rule: string, line: number, message: string) => ({ rule, path: file.path, line, message });
    const long = lines.flatMap((text, index) =>
      text.length > LINE_CHARACTERS
        ? [problem('line-width', index + 1, `${text.length} characters; at most ${LINE_CHARACTERS}`)]
        : [],
    );
    if (lines.length <= ceiling) return long;
    return [problem('file-size', 0, `${lines.length} lines; at most ${ceiling}`), ...long];
  });
}

/** Functions of src/; tests may be longer, as a test reads from top to bottom. */
export function checkFunctionSizes(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) =>
    functionsOf(file)
      .map(({ first, last }) => ({ first, lines: last - first + 1 }))
      .filter(({ lines }) => lines > FUNCTION_LINES)
      .map(({ first, lines }) => ({
        rule: 'function-size',
        path: file.path,
        line: first,
        message: `a function of ${lines} lines; at most ${FUNCTION_LINES}`,
      })),
  );
}
