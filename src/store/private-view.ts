// Owns a second name of a file in a directory that nobody else uses. Knows not what is in it.
import { copyFileSync, constants, existsSync, linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface PrivateView {
  readonly file: string;
  remove(): void;
}

/** Gives the database, and its log if it has one, another name: by a link where the file system allows it, else by a copy. */
export function makePrivateView(database: string): PrivateView {
  const directory = mkdtempSync(join(tmpdir(), 'caisson-view-'));
  const file = join(directory, 'view.db');
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    linkOrCopy(database, file);
    if (existsSync(`${database}-wal`)) copyFileSync(`${database}-wal`, `${file}-wal`);
    return { file, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    copyFileSync(from, to, constants.COPYFILE_FICLONE);
  }
}
