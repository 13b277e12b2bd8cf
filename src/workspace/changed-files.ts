// Owns the list of what differs between two trees of a trusted git directory. Knows no work tree.
import type { ChangedFile } from '../contracts/workspace.ts';
import { type BytePath, showPath } from './byte-path.ts';
import { git } from './git.ts';

const WORDS = ['diff-tree', '-r', '-z', '--no-renames', '--no-ext-diff', '--no-textconv'];

/** `paths`: the same in the same order, as bytes. `bytes`: what the changed files have together on the result's side. */
export async function changedFiles(
  gitDir: string,
  base: string,
  result: string,
): Promise<{ readonly files: readonly ChangedFile[]; readonly paths: readonly BytePath[]; readonly bytes: number }> {
  if (base === result) return { files: [], paths: [], bytes: 0 };
  const [raw, counts] = await Promise.all([
    git([...WORDS, '--raw', base, result], { gitDir }),
    git([...WORDS, '--numstat', base, result], { gitDir }),
  ]);
  const lines = linesByPath(counts.stdout);
  const parts = raw.stdout.split('\0');
  const files: ChangedFile[] = [];
  const paths: BytePath[] = [];
  const ids: string[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) {
    const [, , , id = '', state = ''] = (parts[at] ?? '').split(' ');
    const path = parts[at + 1] ?? '';
    const { added, removed } = lines.get(path) ?? {};
    const binary = added === undefined || removed === undefined;
    ids.push(id);
    paths.push(path);
    files.push({ path: showPath(path), change: changeOf(state), added: added ?? 0, removed: removed ?? 0, binary });
  }
  return { files, paths, bytes: await bytesOfBlobs(ids, gitDir) };
}

/** Binary files have no entry. */
function linesByPath(numstat: string): ReadonlyMap<string, { readonly added: number; readonly removed: number }> {
  return new Map(
    numstat.split('\0').flatMap((line): [string, { added: number; removed: number }][] => {
      const [, added, removed, path] = /^(\d+)\t(\d+)\t(.+)$/s.exec(line) ?? [];
      return path === undefined ? [] : [[path, { added: Number(added), removed: Number(removed) }]];
    }),
  );
}

async function bytesOfBlobs(ids: readonly string[], gitDir: string): Promise<number> {
  const stdin = ids.filter((id) => !/^0+$/.test(id)).join('\n');
  if (stdin === '') return 0;
  const { stdout } = await git(['cat-file', '--batch-check=%(objectsize)'], { gitDir, stdin: `${stdin}\n` });
  return stdout.split('\n').reduce((sum, line) => sum + (/^\d+$/.test(line) ? Number(line) : 0), 0);
}

function changeOf(state: string): ChangedFile['change'] {
  switch (state) {
    case 'A':
      return 'added';
    case 'D':
      return 'deleted';
    case 'T':
      return 'type_changed';
    default:
      return 'modified';
  }
}
