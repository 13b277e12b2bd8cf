// Owns git directories of our own: bare, without hooks, filters or remotes. Knows no box.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';

/** The attributes of highest precedence: whatever a tree's .gitattributes says, content is kept byte for byte. */
const KEEP_BYTES = '* -text -eol -ident -filter -working-tree-encoding\n';

export interface GitDirOptions {
  /** Length of its object names: 40 (SHA-1) or 64 (SHA-256). */
  readonly idLength: number;
  /** `keep`: no conversion of content at all. `convert`: line ends and encodings as .gitattributes says; external filters never. */
  readonly bytes: 'keep' | 'convert';
}

/** A new empty git directory, written without running git. Nobody but its owner may look into it. */
export async function initGitDir(dir: string, { idLength, bytes }: GitDirOptions): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const folders = ['objects/info', 'objects/pack', 'refs/heads', 'info'];
  await Promise.all(folders.map((folder) => mkdir(join(dir, folder), { recursive: true })));
  await Promise.all([
    writeFile(join(dir, 'HEAD'), 'ref: refs/heads/none\n'),
    writeFile(join(dir, 'config'), formatConfig(idLength, true)),
    ...(bytes === 'keep' ? [writeFile(join(dir, 'info', 'attributes'), KEEP_BYTES)] : []),
  ]);
}

/** Paths that git takes for ignored in every tree of it, one pattern for each line. They are no part of a patch or a snapshot. */
export async function writeExcludes(dir: string, lines: string): Promise<void> {
  await mkdir(join(dir, 'info'), { recursive: true });
  await writeFile(join(dir, 'info', 'exclude'), lines, 'latin1');
}

export function hasExcludes(dir: string): boolean {
  return existsSync(join(dir, 'info', 'exclude'));
}

const NOBODY = 'Caisson <caisson@localhost> 0 +0000';

/** A commit of the tree without a parent, always the same for the same tree, written without running git. Returns its name. */
export async function writeBaseCommit(dir: string, tree: string): Promise<string> {
  const text = `tree ${tree}\nauthor ${NOBODY}\ncommitter ${NOBODY}\n\nbase\n`;
  const object = Buffer.from(`commit ${Buffer.byteLength(text)}\0${text}`);
  const id = createHash(tree.length === 64 ? 'sha256' : 'sha1')
    .update(object)
    .digest('hex');
  const folder = join(dir, 'objects', id.slice(0, 2));
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, id.slice(2)), deflateSync(object), { mode: 0o444 });
  return id;
}

/** The configuration that a git directory must have to be one. */
export function formatConfig(idLength: number, bare: boolean): string {
  const core = `[core]\n\tbare = ${bare}\n\tfilemode = true\n\tsymlinks = true\n\tignorecase = false\n`;
  return idLength === 64
    ? `${core}\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n`
    : `${core}\trepositoryformatversion = 0\n`;
}
