// Owns the reading of trees in a trusted git directory. Never looks at a work tree.
import { toBytePath } from './byte-path.ts';
import { git, gitBytes } from './git.ts';
import type { TreeEntry } from './known-paths.ts';
import { mapInSlices } from './slices.ts';

export interface TreeFile {
  /** At most `maxBytes` of it, cut at a character. */
  readonly text: string;
  readonly bytes: number;
}

export interface SizedEntry extends TreeEntry {
  /** 0 for what is no file. */
  readonly bytes: number;
}

export interface TreeAt {
  /** Trusted git directory. */
  readonly git: string;
  readonly tree: string;
  /** All of `listTree`, where that is known already: git need not be asked again. */
  readonly entries?: readonly SizedEntry[];
}

/** Undefined if there is no regular file of that path. A symbolic link is not followed. */
export async function readTreeFile(
  options: TreeAt & { readonly path: string; readonly maxBytes: number },
): Promise<TreeFile | undefined> {
  const call = { gitDir: options.git };
  const path = toBytePath(options.path);
  const entries = options.entries ?? (await entriesAt(options, options.path));
  const entry = entries.find((found) => found.path === path);
  if (entry === undefined || !entry.mode.startsWith('100')) return undefined;
  const content = await gitBytes(['cat-file', 'blob', entry.id], { ...call, outputBytes: options.maxBytes });
  const text = new TextDecoder().decode(content.stdout.subarray(0, options.maxBytes), { stream: true });
  return { text, bytes: entry.bytes };
}

async function entriesAt({ git: gitDir, tree }: TreeAt, path: string): Promise<readonly SizedEntry[]> {
  const { stdout } = await git(['ls-tree', '-z', '--long', tree, '--', path], { gitDir });
  return stdout.split('\0').flatMap(parseEntry);
}

/** Names at the top of the tree. */
export async function topNames({ git: gitDir, tree, entries }: TreeAt): Promise<ReadonlySet<string>> {
  if (entries !== undefined) return new Set(entries.map(({ path }) => path.split('/', 1)[0] ?? ''));
  return new Set((await git(['ls-tree', '-z', '--name-only', tree], { gitDir })).stdout.split('\0'));
}

/** Every entry of the tree that is no tree itself, in git's order. */
export async function listTree(gitDir: string, tree: string): Promise<readonly SizedEntry[]> {
  const { stdout } = await git(['ls-tree', '-r', '-z', '--long', tree], { gitDir });
  return await mapInSlices(stdout.split('\0'), parseEntry);
}

function parseEntry(line: string): readonly SizedEntry[] {
  const [, mode, id, bytes, path] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t(.+)$/s.exec(line) ?? [];
  if (mode === undefined || id === undefined || path === undefined) return [];
  return [{ mode, id, path, bytes: bytes === '-' ? 0 : Number(bytes) }];
}
