// Owns the removal of directories that hostile commands wrote in. Follows no link.
import { lstat } from 'node:fs/promises';
import { CaissonError } from '../base/errors.ts';
import { startProgram } from './program.ts';

/**
 * Removes the tree if it is there, in a process of its own: the system's `rm` copes with paths longer than a path may be.
 * Directories that their owner locked are unlocked first. Throws `data_dir_unusable` when something is left.
 */
export async function removeTree(path: string): Promise<void> {
  if (await isGone(path)) return;
  const first = await run('rm', ['-rf', '--', path]);
  if (first === '' && (await isGone(path))) return;
  await run('chmod', ['-R', 'u+rwx', '--', path]);
  const last = await run('rm', ['-rf', '--', path]);
  if (!(await isGone(path)))
    throw new CaissonError('data_dir_unusable', `${path} cannot be removed: ${last.slice(0, 300)}`);
}

async function isGone(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

/** What it complained about; '' if all went well. */
async function run(program: string, words: readonly string[]): Promise<string> {
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
  const { code, stderr } = await startProgram(program, words, { cwd: '/', env, outputBytes: 64 * 1024 }).ended;
  return code === 0 ? '' : stderr || `it ended with ${code}`;
}
