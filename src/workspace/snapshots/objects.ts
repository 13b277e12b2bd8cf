// Owns the writing of objects into a trusted git directory without running git. Knows no work tree.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { git } from '../git.ts';

export interface ObjectWriter {
  /** Returns its name; writes nothing that is there. */
  put(kind: 'blob' | 'tree', content: Buffer): string;
  /** The same for an open file that is too large to be held in memory. It is read from where it stands. */
  putFile(fd: number, bytes: number): Promise<string>;
  /** Bytes of all that was new. */
  written(): number;
}

/** `idLength`: 40 (SHA-1) or 64 (SHA-256). `known`: names of objects that are there, in a pack for example. */
export function createObjectWriter(gitDir: string, idLength: number, known: ReadonlySet<string>): ObjectWriter {
  const algorithm = idLength === 64 ? 'sha256' : 'sha1';
  const fresh = new Set<string>();
  let written = 0;
  return {
    put: (kind, content) => {
      const header = Buffer.from(`${kind} ${content.length}\0`);
      const id = createHash(algorithm).update(header).update(content).digest('hex');
      if (known.has(id) || fresh.has(id)) return id;
      fresh.add(id);
      written += store(join(gitDir, 'objects', id.slice(0, 2)), id.slice(2), Buffer.concat([header, content]));
      return id;
    },
    putFile: async (fd, bytes) => {
      const { stdout } = await git(['hash-object', '-w', '--no-filters', '--stdin'], { gitDir, stdin: fd });
      const id = stdout.trim();
      if (!known.has(id) && !fresh.has(id)) written += bytes;
      fresh.add(id);
      return id;
    },
    written: () => written,
  };
}

/** Whoever reads it finds all of it or nothing. Returns what was written; time counts, not space. */
function store(folder: string, name: string, object: Buffer): number {
  const path = join(folder, name);
  if (existsSync(path)) return 0;
  const packed = deflateSync(object, { level: 0 });
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${path}.new`, packed, { mode: 0o444 });
  renameSync(`${path}.new`, path);
  return packed.length;
}
