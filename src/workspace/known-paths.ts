// Owns the set of paths that a tree or an index holds, and which directories lead to them. Knows no git command.
import { type BytePath, parentOf } from './byte-path.ts';
import { mapInSlices } from './slices.ts';

export interface TreeEntry {
  readonly path: BytePath;
  /** As git writes it: 100644, 100755, 120000 or 160000. */
  readonly mode: string;
  readonly id: string;
}

export interface KnownPaths {
  has(path: BytePath): boolean;
  hasDirectory(path: BytePath): boolean;
  /** True for a commit of another repository (a submodule). */
  isLink(path: BytePath): boolean;
}

export async function knownPaths(entries: readonly TreeEntry[]): Promise<KnownPaths> {
  const paths = new Set<BytePath>();
  const links = new Set<BytePath>();
  const directories = new Set<BytePath>();
  await mapInSlices(entries, ({ path, mode }) => {
    (mode === '160000' ? links : paths).add(path);
    for (let dir = parentOf(path); dir !== '' && !directories.has(dir); dir = parentOf(dir)) directories.add(dir);
    return [];
  });
  return {
    has: (path) => paths.has(path),
    hasDirectory: (path) => directories.has(path),
    isLink: (path) => links.has(path),
  };
}
