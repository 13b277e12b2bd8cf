// Owns the folders in which repositories were packed by commands that were killed: they are removed by the next one. Knows no repository.
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** How the name of such a folder begins. */
export const PACK_PREFIX = 'caisson-pack-';

/** Packing takes minutes at most: a folder that is a day old belongs to nobody. */
const OLD_MS = 24 * 60 * 60 * 1000;

/** Only real folders of this user. Never rejects: what cannot be removed is left to the system. `now`: milliseconds since 1970. */
export async function removeOldPacks(folder: string, now: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => one.startsWith(PACK_PREFIX))) {
    const path = join(folder, name);
    const info = await lstat(path).catch(() => undefined);
    const isOurs = info?.isDirectory() === true && info.uid === process.getuid?.();
    if (isOurs && now - info.mtimeMs > OLD_MS) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}
