// Owns what a sandbox sees as its home: a checkout of a tree, an empty home, a place for kept output. Knows no sandbox.
import { constants, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { PACKED_REF } from './bundle.ts';
import { git } from './git.ts';
import { startProgram } from './program.ts';
import { formatConfig } from './trusted-git.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const INNER_CONFIG = '[user]\n\tname = Caisson\n\temail = caisson@localhost\n[gc]\n\tauto = 0\n';

/**
 * `box` must not exist. The checkout gets a throw-away `.git` of its own, for `git diff` and `git log` inside; it shares nothing with the
 * trusted git directory and is never read again. Its HEAD is what the work began on. `owner`: who shall own all of it, when this
 * process is root. `furnish` may put more into it before it is theirs. Throws `data_dir_unusable`, `disk_full`.
 */
export async function makeBox(options: {
  readonly git: string;
  readonly tree: string;
  readonly box: string;
  readonly owner?: Owner;
  readonly furnish?: ((box: string) => Promise<void>) | undefined;
}): Promise<void> {
  const { box } = options;
  const work = join(box, 'work');
  // The owner must get through to the box; whoever else does may not look into it.
  await mkdir(dirname(box), { recursive: true, mode: 0o711 });
  await mkdir(box, { mode: 0o700 });
  await Promise.all([
    mkdir(join(work, '.git'), { recursive: true }),
    mkdir(join(box, 'home')),
    mkdir(join(box, 'out')),
  ]);
  await Promise.all([
    writeFile(join(box, '.bashrc'), '', { flag: 'wx' }),
    checkOut(options.git, options.tree, work),
    makeInnerGit(options.git, join(work, '.git')),
  ]);
  await options.furnish?.(box);
  if (options.owner !== undefined) await giveTo(options.owner, box);
}

/** By the attributes of the trusted git directory: every file gets the bytes that the tree has. */
async function checkOut(gitDir: string, tree: string, work: string): Promise<void> {
  const call = { gitDir, workTree: work, cwd: work, index: join(work, '.git', 'index') };
  await git(['read-tree', tree], call);
  await git(['checkout-index', '--all', '--index', '--quiet'], call);
}

async function makeInnerGit(trusted: string, inner: string): Promise<void> {
  await mkdir(join(inner, 'refs', 'heads'), { recursive: true });
  const base = await readFile(join(trusted, PACKED_REF), 'latin1');
  await Promise.all([
    writeFile(join(inner, 'HEAD'), 'ref: refs/heads/main\n'),
    writeFile(join(inner, 'config'), formatConfig(base.trim().length, false) + INNER_CONFIG),
    writeFile(join(inner, 'refs', 'heads', 'main'), base),
    cp(join(trusted, 'objects'), join(inner, 'objects'), { recursive: true, mode: constants.COPYFILE_FICLONE }),
  ]);
}

/** All of it, links themselves and not what they lead to. Throws `data_dir_unusable`. */
export async function giveTo({ uid, gid }: Owner, box: string): Promise<void> {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
  const words = ['-R', '-h', '--', `${uid}:${gid}`, box];
  const { code, stderr } = await startProgram('chown', words, { cwd: '/', env, outputBytes: 64 * 1024 }).ended;
  if (code !== 0) throw new CaissonError('data_dir_unusable', `the box could not be given to its user: ${stderr}`);
}
