// Owns the look at a work tree before it is copied: how much it is, what differs from HEAD, what a person should know. Copies nothing.
import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { Limits } from '../base/limits.ts';
import { git, type GitCall } from './git.ts';

export interface Measured {
  readonly files: number;
  readonly bytes: number;
  readonly warnings: readonly string[];
}

const AT_ONCE = 64;
const SHOWN = 5;

/** `call` has a temporary index with HEAD in it. Throws `repo_too_large` as soon as a limit is passed. */
export async function measureTree(call: GitCall, top: string, limits: Limits): Promise<Measured> {
  const [tracked, untracked] = await Promise.all([
    list(call, ['ls-files', '-z', '--cached']),
    list(call, ['ls-files', '-z', '--others', '--exclude-standard']),
  ]);
  const all = [...tracked, ...untracked];
  if (all.length > limits.repositoryFiles)
    throw tooLarge(`${all.length} files`, `${limits.repositoryFiles} files`, 'repository_files');
  const { bytes, files, outward, special } = await sizes(top, all, limits);
  return {
    files,
    bytes,
    warnings: [
      ...told(
        outward,
        'symbolic links lead out of the repository; they are kept as links, what they point at is not there',
      ),
      ...told(special, 'special files (pipes, sockets, devices) are left out'),
    ],
  };
}

async function list(call: GitCall, words: readonly string[]): Promise<readonly string[]> {
  return (await git(words, call)).stdout.split('\0').filter((path) => path !== '');
}

async function sizes(top: string, paths: readonly string[], limits: Limits) {
  const outward: string[] = [];
  const special: string[] = [];
  let bytes = 0;
  let files = 0;
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const part = paths.slice(at, at + AT_ONCE);
    const infos = await Promise.all(part.map((path) => lstat(join(top, path)).catch(() => undefined)));
    for (const [index, info] of infos.entries()) {
      const path = part[index] ?? '';
      if (info === undefined) continue;
      files += 1;
      bytes += info.size;
      if (info.isSymbolicLink() && (await leadsOut(top, path))) outward.push(path);
      if (!info.isFile() && !info.isSymbolicLink() && !info.isDirectory()) special.push(path);
    }
    if (bytes > limits.repositoryBytes)
      throw tooLarge(
        `more than ${limits.repositoryBytes} bytes`,
        `${limits.repositoryBytes} bytes`,
        'repository_bytes',
      );
  }
  return { bytes, files, outward, special };
}

async function leadsOut(top: string, path: string): Promise<boolean> {
  const target = await readlink(join(top, path)).catch(() => '');
  const inside = relative(top, resolve(dirname(join(top, path)), target));
  return inside.startsWith('..') || inside.startsWith('/');
}

function told(paths: readonly string[], words: string): readonly string[] {
  if (paths.length === 0) return [];
  const names = paths.slice(0, SHOWN).map((path) => JSON.stringify(path));
  const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : '';
  return [`${words}: ${names.join(', ')}${more}`];
}

function tooLarge(found: string, limit: string, name: string): CaissonError {
  return new CaissonError('repo_too_large', `the repository has ${found}; the limit ${name} is ${limit}`);
}
