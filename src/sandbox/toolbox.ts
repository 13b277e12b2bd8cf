// Owns what Caisson itself needs inside a sandbox: Node and ripgrep, wherever the host has them. Knows no sandbox.
import { randomUUID } from 'node:crypto';
import { chmod, copyFile, link, lstat, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BOX_BIN } from './setup.ts';

const PROGRAMS = ['node', 'rg'] as const;

/** Copies the programs once; called again it does nothing unless one has changed. Safe beside another process that does the same. */
export async function fillToolbox(dir: string, from: { readonly node: string; readonly rg: string }): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o755 });
  await Promise.all(PROGRAMS.map((name) => place(from[name], join(dir, name))));
}

async function place(source: string, target: string): Promise<void> {
  const [wanted, there] = await Promise.all([stat(source), stat(target).catch(() => undefined)]);
  if (there?.size === wanted.size && there.mtimeMs >= wanted.mtimeMs) return;
  const part = `${target}.${randomUUID()}`;
  await copyFile(source, part);
  await chmod(part, 0o755);
  await rename(part, target);
}

/** Links the programs into a box, copies where links cannot reach. The box root is read-only inside, so they cannot be changed there. */
export async function putInBox(toolbox: string, box: string): Promise<void> {
  const bin = join(box, BOX_BIN);
  // One after the other: made at once, they say ENOENT of a disk that is read-only.
  for (const folder of [dirname(bin), bin]) await makeFolder(folder);
  await Promise.all(PROGRAMS.map((name) => linkOrCopy(join(toolbox, name), join(bin, name))));
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  const there = await lstat(target).catch(() => undefined);
  if (there !== undefined) {
    const wanted = await stat(source);
    if (there.ino === wanted.ino && there.dev === wanted.dev) return;
    await rm(target, { force: true });
  }
  try {
    await link(source, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyFile(source, target);
  }
}
