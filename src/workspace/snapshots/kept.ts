// Owns what stays of the files of a run when it has ended: its trusted git directory, moved aside with every snapshot in it. Knows no run.
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { CaissonError } from '../../base/errors.ts';
import { PACKED_REF } from '../bundle.ts';
import { git, GitFailed } from '../git.ts';
import { writeBaseCommit } from '../trusted-git.ts';

/** Nothing is copied: both places lie on one file system. No-op if there is nothing to keep. Nobody but the owner looks into `to`. */
export async function keepGitDir(gitDir: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 });
  try {
    await rename(gitDir, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/**
 * A bundle of ours whose one commit has the tree `base`, with every object of `tree` beside it: `readBundle` checks each of them by its
 * name. Throws `snapshot_missing` where something of it is gone or damaged.
 */
export async function bundleSnapshot(order: {
  readonly git: string;
  readonly base: string;
  readonly tree: string;
  readonly bundle: string;
}): Promise<void> {
  const { git: gitDir, base, tree, bundle } = order;
  const scratch = await mkdtemp(join(gitDir, 'bundle-'));
  try {
    const commit = await writeBaseCommit(gitDir, base);
    const listed = await git(['rev-list', '--objects', '--no-object-names', base, tree], { gitDir });
    const stdin = `${commit}\n${listed.stdout}`;
    await git(['pack-objects', '-q', '--window=0', join(scratch, 'pack')], { gitDir, stdin });
    const pack = (await readdir(scratch)).find((name) => name.endsWith('.pack')) ?? '';
    await pipeline(parts(headerOf(commit), join(scratch, pack)), createWriteStream(bundle, { mode: 0o600 }));
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('snapshot_missing', `files of the snapshot ${tree} are gone or damaged: ${cause.said}`, {
      cause,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function headerOf(commit: string): string {
  const format = commit.length === 64 ? '# v3 git bundle\n@object-format=sha256\n' : '# v2 git bundle\n';
  return `${format}${commit} ${PACKED_REF}\n\n`;
}

async function* parts(header: string, pack: string): AsyncGenerator<Buffer> {
  yield Buffer.from(header);
  for await (const chunk of createReadStream(pack)) yield chunk as Buffer;
}
