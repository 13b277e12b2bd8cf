// Owns a tree that changes by a few paths between two of its names: only directories on the way to a change are named anew. Knows no file.
import { type BytePath, bytesOf } from '../byte-path.ts';
import type { TreeEntry } from '../known-paths.ts';
import type { ObjectWriter } from './objects.ts';

interface Leaf {
  readonly mode: string;
  readonly id: string;
}

interface Folder {
  readonly children: Map<BytePath, Leaf | Folder>;
  /** '' since something below has changed. */
  id: string;
}

export interface GrowingTree {
  /** True if that is a change. A file takes the place of a directory, and the other way round. */
  set(entry: TreeEntry): boolean;
  /** The file of that path; a directory that has taken its place stays. */
  remove(path: BytePath): void;
  /** Name of the tree as it stands; the objects of it that are new are written. */
  name(objects: ObjectWriter): string;
}

export function createGrowingTree(entries: readonly TreeEntry[]): GrowingTree {
  const root: Folder = { children: new Map(), id: '' };
  for (const entry of entries) setIn(root, entry);
  return {
    set: (entry) => setIn(root, entry),
    remove: (path) => void removeIn(root, path.split('/')),
    name: (objects) => nameOf(root, objects),
  };
}

function setIn(root: Folder, { path, mode, id }: TreeEntry): boolean {
  const names = path.split('/');
  const last = names.pop() ?? '';
  const way = [root];
  let folder = root;
  for (const name of names) {
    const child = folder.children.get(name);
    const next = child !== undefined && isFolder(child) ? child : { children: new Map(), id: '' };
    folder.children.set(name, next);
    way.push(next);
    folder = next;
  }
  const held = folder.children.get(last);
  if (held !== undefined && !isFolder(held) && held.id === id && held.mode === mode) return false;
  folder.children.set(last, { mode, id });
  for (const one of way) one.id = '';
  return true;
}

/** True if the folder has become empty: git knows none such. */
function removeIn(folder: Folder, [name = '', ...rest]: readonly BytePath[]): boolean {
  const child = folder.children.get(name);
  if (child === undefined) return false;
  // What stands there now is something else: it stays.
  if (isFolder(child) !== rest.length > 0) return false;
  folder.id = '';
  if (!isFolder(child) || removeIn(child, rest)) folder.children.delete(name);
  return folder.children.size === 0;
}

function nameOf(folder: Folder, objects: ObjectWriter): string {
  if (folder.id === '') folder.id = objects.put('tree', contentOf(folder, objects));
  return folder.id;
}

function contentOf({ children }: Folder, objects: ObjectWriter): Buffer {
  const lines = [...children].map(([name, child]) =>
    isFolder(child)
      ? { key: `${name}/`, line: `40000 ${name}\0`, id: nameOf(child, objects) }
      : { key: name, line: `${child.mode} ${name}\0`, id: child.id },
  );
  lines.sort((left, right) => (left.key < right.key ? -1 : 1));
  return Buffer.concat(lines.flatMap(({ line, id }) => [bytesOf(line), Buffer.from(id, 'hex')]));
}

function isFolder(child: Leaf | Folder): child is Folder {
  return 'children' in child;
}
