// Owns the atomic replacement of a small file. Knows not what it says.
import { closeSync, fdatasyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SideFile } from './messages.ts';

export interface PreparedFile {
  /** Where the new text lies until it is placed. */
  readonly file: string;
  /** Puts it in place at once; a reader sees the old text or the new. */
  place(): void;
}

/** Writes the new text beside the file and makes it durable. Throws what the disk says and then leaves nothing. */
export function prepareSideFile(directory: string, { name, text }: SideFile): PreparedFile {
  const file = join(directory, `${name}.new`);
  try {
    writeDurably(file, Buffer.from(text));
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
  return { file, place: () => renameSync(file, join(directory, name)) };
}

function writeDurably(file: string, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'w', 0o600);
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(descriptor, bytes, written);
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
