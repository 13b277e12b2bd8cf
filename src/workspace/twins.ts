// Owns the paths that are one path on systems that tell no capitals, or no two ways to write a letter. Knows no git.
import { isUtf8 } from 'node:buffer';
import { type BytePath, bytesOf, parentOf } from './byte-path.ts';
import type { TreeEntry } from './known-paths.ts';

/**
 * Paths of the tree that would meet another one there: a file over a file, or a link where another path has a directory, through which a
 * checkout writes to wherever the link points.
 */
export function twinsIn(entries: readonly TreeEntry[]): ReadonlySet<BytePath> {
  const files = new Map<string, TreeEntry[]>();
  const folders = new Map<string, BytePath[]>();
  for (const entry of entries) {
    const folded = fold(entry.path);
    files.set(folded, [...(files.get(folded) ?? []), entry]);
    for (let at = parentOf(folded); at !== ''; at = parentOf(at)) if (!addTo(folders, at, entry.path)) break;
  }
  const twins = new Set<BytePath>();
  for (const [folded, same] of files) {
    if (same.length > 1) for (const { path } of same) twins.add(path);
    for (const below of folders.get(folded) ?? [])
      for (const path of [below, ...same.map((one) => one.path)]) twins.add(path);
  }
  return twins;
}

/** One path below each folder is enough; false if there is one. */
function addTo(folders: Map<string, BytePath[]>, folder: string, path: BytePath): boolean {
  if (folders.has(folder)) return false;
  folders.set(folder, [path]);
  return true;
}

function fold(path: BytePath): string {
  const bytes = bytesOf(path);
  return (isUtf8(bytes) ? bytes.toString('utf8') : path).normalize('NFC').toLowerCase();
}
