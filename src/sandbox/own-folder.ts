// Owns the one temporary folder of an executor, and the removal of those that ended processes left. Knows no profile and no sandbox.
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readProcess } from './processes.ts';

/** Names the process that made it: pid and start time. */
const NAME = /^caisson-own-(\d+)-(\d+)-\w+$/;

/** Readable for the user of the commands, who starts firejail; writable for this process alone. */
export function makeOwnFolder(root = tmpdir()): string {
  const startedAt = readProcess(process.pid)?.startedAt ?? 0;
  const folder = mkdtempSync(join(root, `caisson-own-${process.pid}-${startedAt}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** Removes the folders of this user whose process is gone. */
export function removeLeftFolders(root = tmpdir()): void {
  for (const name of readdirSync(root)) {
    const [, pid, startedAt] = NAME.exec(name) ?? [];
    if (pid === undefined || readProcess(Number(pid))?.startedAt === Number(startedAt)) continue;
    const path = join(root, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() && found.uid === process.getuid?.()) rmSync(path, { recursive: true, force: true });
  }
}
