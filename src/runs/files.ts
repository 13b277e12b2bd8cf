// Owns where the files of a run lie and that none stays when the run is over. Knows no git.
import { mkdir, readdir, rename, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { workspacePaths } from '../workspace/prepare.ts';
import { removeTree } from '../workspace/remove.ts';
import { touchKept } from '../workspace/snapshots/collect.ts';
import { keepGitDir } from '../workspace/snapshots/kept.ts';
import type { RunsPorts } from './ports.ts';

export interface RunFiles {
  readonly root: string;
  readonly bundle: string;
}

export function runFiles(runsRoot: string, run: string): RunFiles {
  const root = join(runsRoot, run);
  return { root, bundle: join(root, 'bundle') };
}

/** Takes the uploaded bundle over. The source is gone afterwards. */
export async function takeBundle(files: RunFiles, source: string): Promise<void> {
  await mkdir(files.root, { recursive: true, mode: 0o711 });
  try {
    await rename(source, files.bundle);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(source, files.bundle);
    await rm(source, { force: true });
  }
}

/** Where the files of a run stay when it has ended. */
export function keptFiles(keptRoot: string, run: string): string {
  return join(keptRoot, run);
}

/** Keeps what `rewind` and `diff` need: the rest of the directory may go then. Says it when that fails, and goes on. */
export async function keepFiles(
  run: string,
  { runsRoot, keptRoot, clock, logger }: Pick<RunsPorts, 'runsRoot' | 'keptRoot' | 'clock' | 'logger'>,
): Promise<void> {
  const { git } = workspacePaths(runFiles(runsRoot, run).root);
  const kept = keptFiles(keptRoot, run);
  try {
    await keepGitDir(git, kept);
    // Its age counts from now on.
    await touchKept(kept, clock.now());
  } catch (error) {
    logger.warn('the snapshots of a run could not be kept', { run, message: String(error) });
  }
}

/** Directories below `runsRoot` whose run is not in `keep`: what a crash left behind. Returns their number. */
export async function removeStrays(runsRoot: string, keep: ReadonlySet<string>): Promise<number> {
  const names = await readdir(runsRoot).catch(() => []);
  const strays = names.filter((name) => !keep.has(name));
  await Promise.all(strays.map((name) => removeTree(join(runsRoot, name))));
  return strays.length;
}
