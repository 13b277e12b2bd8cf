// Owns what a person should know about a packed repository: what is not in it, and what is not what it seems. Changes nothing.
import { open, readlink } from 'node:fs/promises';
import { constants } from 'node:fs';
import { dirname, isAbsolute, normalize } from 'node:path';
import { type BytePath, bytesOf, showPath, toBytePath } from './byte-path.ts';
import type { TreeEntry } from './known-paths.ts';
import type { FoundFile, Walked } from './walk.ts';

const SHOWN = 5;
const POINTER_BYTES = 1024;
const POINTER = 'version https://git-lfs.github.com/spec/';

export async function packRemarks(packed: {
  readonly top: string;
  readonly entries: readonly TreeEntry[];
  readonly walked: Walked;
}): Promise<readonly string[]> {
  const { files, nested, special } = packed.walked;
  const submodules = packed.entries.filter((entry) => entry.mode === '160000').map((entry) => entry.path);
  const inner = nested.filter((path) => !submodules.includes(path));
  return [
    ...remark(submodules, 'submodules are not included: their files belong to other repositories'),
    ...remark(inner, 'repositories inside the repository are not included'),
    ...remark(
      await outwardLinks(packed.top, files),
      'symbolic links lead out of the repository: they are kept as links, what they point at is not there',
    ),
    ...remark(
      await lfsPointers(packed.top, files),
      'git-lfs files are not downloaded: only their pointers are included (git lfs pull)',
    ),
    ...remark(special, 'pipes, sockets and devices are left out'),
  ];
}

function remark(paths: readonly BytePath[], words: string): readonly string[] {
  if (paths.length === 0) return [];
  const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : '';
  return [`${words}: ${paths.toSorted().slice(0, SHOWN).map(showPath).join(', ')}${more}`];
}

async function outwardLinks(top: string, files: readonly FoundFile[]): Promise<readonly BytePath[]> {
  const outward: BytePath[] = [];
  for (const { path } of files.filter((file) => file.link)) {
    const target = await readlink(hostPath(top, path), { encoding: 'latin1' }).catch(() => '');
    const inside = normalize(`${dirname(path)}/${target}`);
    if (isAbsolute(target) || inside === '..' || inside.startsWith('../')) outward.push(path);
  }
  return outward;
}

/** Only small files where the repository speaks of git-lfs at all are opened. */
async function lfsPointers(top: string, files: readonly FoundFile[]): Promise<readonly BytePath[]> {
  const rules = files.filter((file) => !file.link && /(?:^|\/)\.gitattributes$/.test(file.path));
  const heads = await Promise.all(rules.map((file) => beginning(top, file.path, 64 * 1024)));
  if (!heads.some((text) => text.includes('filter=lfs'))) return [];
  const pointers: BytePath[] = [];
  for (const { path } of files.filter((file) => !file.link && file.bytes > 100 && file.bytes < POINTER_BYTES))
    if ((await beginning(top, path, POINTER.length)) === POINTER) pointers.push(path);
  return pointers;
}

async function beginning(top: string, path: BytePath, bytes: number): Promise<string> {
  try {
    const file = await open(hostPath(top, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
      return buffer.subarray(0, bytesRead).toString('latin1');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}

function hostPath(top: string, path: BytePath): Buffer {
  return bytesOf(`${toBytePath(top)}/${path}`);
}
