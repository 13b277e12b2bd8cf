// Owns the list of all checks on a set of files. Knows no rule itself.
import { checkCycles } from './cycles.ts';
import { checkImportLaw } from './law.ts';
import { checkNames, checkOpenings } from './names.ts';
import { checkFileSizes, checkFunctionSizes } from './sizes.ts';
import type { Problem, SourceFile } from './source.ts';
import { checkState, checkWords } from './words.ts';

/** All laws on the code of the product. `files`: every .ts below src/. */
export function checkSource(files: readonly SourceFile[], packages: readonly string[]): Problem[] {
  return [
    ...checkImportLaw(files, packages),
    ...checkCycles(files),
    ...checkFunctionSizes(files),
    ...checkState(files),
    ...checkOwnCode(files),
  ];
}

/** The laws that hold for tests and the bootstrap as well. */
export function checkOwnCode(files: readonly SourceFile[]): Problem[] {
  return [...checkFileSizes(files), ...checkWords(files), ...checkNames(files), ...checkOpenings(files)];
}
