// Owns git directories of our own: bare, with attributes switched off so that content is kept byte for byte. Knows no box.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The file of highest precedence: whatever a tree's .gitattributes says, nothing is converted and no driver is asked for. */
const KEPT = '* -text -eol -ident -filter -working-tree-encoding !merge';
const ATTRIBUTES = `${KEPT} !diff\n`;
/** The same, and every change is shown as a binary one: for content that is no UTF-8. */
const BINARY_ATTRIBUTES = `${KEPT} -diff\n`;
const CONFIG =
  '[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfilemode = true\n\tsymlinks = true\n\tignorecase = false\n';

/** A new empty git directory, written without running git. `alternates`: object directories to read from as well. */
export async function initGitDir(dir: string, alternates: readonly string[] = []): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await Promise.all([
    mkdir(join(dir, 'objects', 'info'), { recursive: true }),
    mkdir(join(dir, 'objects', 'pack'), { recursive: true }),
    mkdir(join(dir, 'refs', 'heads'), { recursive: true }),
    mkdir(join(dir, 'info'), { recursive: true }),
  ]);
  await Promise.all([
    writeFile(join(dir, 'HEAD'), 'ref: refs/heads/none\n'),
    writeFile(join(dir, 'config'), CONFIG),
    writeFile(join(dir, 'info', 'attributes'), ATTRIBUTES),
    ...(alternates.length === 0
      ? []
      : [writeFile(join(dir, 'objects', 'info', 'alternates'), `${alternates.join('\n')}\n`)]),
  ]);
}

/** While `work` runs, differences of this git directory are binary ones. */
export async function asBinary<Value>(gitDir: string, work: () => Promise<Value>): Promise<Value> {
  const file = join(gitDir, 'info', 'attributes');
  await writeFile(file, BINARY_ATTRIBUTES);
  try {
    return await work();
  } finally {
    await writeFile(file, ATTRIBUTES);
  }
}
