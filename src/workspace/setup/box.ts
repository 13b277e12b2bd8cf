// Owns the box that a set-up runs in: exactly the files that its key names, and nothing else of the repository, so that nothing else can
// have a part in what it makes. Knows no sandbox.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { giveTo, type Owner } from '../box.ts';
import type { BytePath } from '../byte-path.ts';
import { git } from '../git.ts';
import type { SizedEntry } from '../tree.ts';

/** Files as the repository has them, and files of which only the name counts. */
export interface NamedFiles {
  readonly whole: readonly SizedEntry[];
  readonly empty: readonly BytePath[];
}

/** The tree of these files; it is in the trusted git directory afterwards. */
export async function namedTree(gitDir: string, { whole, empty }: NamedFiles): Promise<string> {
  const scratch = await mkdtemp(join(gitDir, 'named-'));
  try {
    const blob = empty.length === 0 ? '' : await emptyBlob(gitDir);
    const lines = [
      ...whole.map(({ mode, id, path }) => `${mode} ${id}\t${path}\0`),
      ...empty.map((path) => `100644 ${blob}\t${path}\0`),
    ];
    const call = { gitDir, index: join(scratch, 'index') };
    const stdin = Buffer.from(lines.join(''), 'latin1');
    await git(['update-index', '-z', '--add', '--index-info'], { ...call, stdin });
    return (await git(['write-tree'], call)).stdout.trim();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function emptyBlob(gitDir: string): Promise<string> {
  return (await git(['hash-object', '-w', '--no-filters', '--stdin'], { gitDir, stdin: '' })).stdout.trim();
}

/** `box` must not exist. Without a tree it is empty. There is no `.git` in it. */
export async function makeSetupBox(options: {
  readonly git: string;
  readonly tree?: string;
  readonly box: string;
  readonly owner?: Owner;
}): Promise<void> {
  const { box, tree, owner } = options;
  const work = join(box, 'work');
  await mkdir(dirname(box), { recursive: true, mode: 0o711 });
  await mkdir(box, { mode: 0o700 });
  await Promise.all(['work', 'home', 'out'].map((name) => mkdir(join(box, name))));
  await writeFile(join(box, '.bashrc'), '', { flag: 'wx' });
  if (tree !== undefined) await checkOut(options.git, tree, work);
  if (owner !== undefined) await giveTo(owner, box);
}

async function checkOut(gitDir: string, tree: string, work: string): Promise<void> {
  const scratch = await mkdtemp(join(gitDir, 'named-'));
  try {
    const call = { gitDir, workTree: work, cwd: work, index: join(scratch, 'index') };
    await git(['read-tree', tree], call);
    await git(['checkout-index', '--all', '--quiet'], call);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
