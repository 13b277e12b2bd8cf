// Owns the way of one commit's new objects into a person's object store. Touches nothing else there.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import { git, type GitCall, GitFailed } from '../workspace/git.ts';

/**
 * `own`: a git directory of ours that has the commit and can read `base`. git itself checks each object while it takes it in.
 * Throws `patch_refused`; objects that no ref leads to may be left behind then, as git's own collection removes them.
 */
export async function importCommit(job: {
  readonly own: GitCall;
  readonly commit: string;
  readonly base: string;
  readonly into: string;
}): Promise<void> {
  const pack = join(job.own.gitDir ?? '', 'out');
  try {
    const stdin = `${job.commit}\n^${job.base}\n`;
    const { stdout } = await git(['pack-objects', '--revs', '-q', pack], { ...job.own, stdin });
    const file = await open(`${pack}-${stdout.trim()}.pack`);
    try {
      await git(['unpack-objects', '-q', '--strict'], { gitDir: job.into, stdin: file.fd });
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (!(cause instanceof GitFailed)) throw cause;
    throw new CaissonError('patch_refused', `the repository cannot take the commit in: ${cause.said}`, { cause });
  }
}
