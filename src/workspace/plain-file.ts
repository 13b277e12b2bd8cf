// Owns the reading of single files that a stranger may have put there: nothing that blocks, nothing without an end. Knows no git.
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';

/** Undefined if there is no regular file of at most `maxBytes`. A link to one counts. */
export async function readPlainFile(path: string, maxBytes: number): Promise<Buffer | undefined> {
  try {
    const info = await stat(path);
    return info.isFile() && info.size <= maxBytes ? await readFile(path) : undefined;
  } catch {
    return undefined;
  }
}

/** The same at once: for the few small files at the beginning of a command, while nothing else waits. */
export function readPlainFileNow(path: string, maxBytes: number): Buffer | undefined {
  try {
    const info = statSync(path);
    return info.isFile() && info.size <= maxBytes ? readFileSync(path) : undefined;
  } catch {
    return undefined;
  }
}
