// Owns the copy of a kept set-up that one run gets, each file checked by its hash on the way. What the tree of the run has there stays as
// it is, and no link is followed. No process may live in the box. Runs in a thread of its own.
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  futimesSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { type BytePath, bytesOf, parentOf, toBytePath } from '../byte-path.ts';
import {
  damaged,
  hashOf,
  hashOfFile,
  IN_MEMORY,
  type KeptItem,
  objectPath,
  readManifest,
  readOrDamaged,
} from './manifest.ts';

export interface LayOrder {
  readonly entry: string;
  /** Hash of its list. */
  readonly manifest: string;
  readonly box: string;
}

export interface Laid {
  readonly files: number;
  readonly bytes: number;
  /** Where the tree of the run has something else. */
  readonly skipped: number;
}

type KeptFile = Extract<KeptItem, { readonly kind: 'file' }>;
const MS = 1000;
const NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Throws `setup_damaged`; what was laid until then is sound. */
export function laySetup(order: LayOrder): Laid {
  const laying = new Laying(order);
  for (const item of readManifest(order.entry, order.manifest)) laying.lay(item);
  const { files, bytes, skipped } = laying;
  return { files, bytes, skipped };
}

class Laying {
  files = 0;
  bytes = 0;
  skipped = 0;
  readonly #order: LayOrder;
  readonly #box: BytePath;
  /** Whether a folder of the box is one, all the way down to it. */
  readonly #folders = new Map<BytePath, boolean>([['', true]]);

  constructor(order: LayOrder) {
    this.#order = order;
    this.#box = toBytePath(order.box);
  }

  lay(item: KeptItem): void {
    if (item.kind === 'directory') {
      this.#count(this.#isFolder(item.path), 0);
      return;
    }
    const isDone = this.#isFolder(parentOf(item.path)) && unlessThere(() => this.#write(item));
    this.#count(isDone, item.kind === 'file' ? item.bytes : 0);
  }

  #write(item: Exclude<KeptItem, { readonly kind: 'directory' }>): void {
    const to = this.#host(item.path);
    if (item.kind === 'link') symlinkSync(bytesOf(item.target), to);
    else if (item.bytes > IN_MEMORY) this.#writeLarge(item, to);
    else this.#writeSmall(item, to);
  }

  #writeSmall({ hash, executable, modifiedAt }: KeptFile, to: Buffer): void {
    const content = readOrDamaged(objectPath(this.#order.entry, hash));
    if (hashOf(content) !== hash) throw damaged('a file of it has another content');
    const fd = openSync(to, NEW, executable ? 0o755 : 0o644);
    try {
      writeFileSync(fd, content);
      futimesSync(fd, modifiedAt / MS, modifiedAt / MS);
    } finally {
      closeSync(fd);
    }
  }

  #writeLarge({ hash, executable, modifiedAt }: KeptFile, to: Buffer): void {
    const { COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
    try {
      copyFileSync(objectPath(this.#order.entry, hash), to, COPYFILE_EXCL | COPYFILE_FICLONE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw damaged('a file of it is gone', error);
      throw error;
    }
    if (hashOfFile(to) !== hash) {
      unlinkSync(to);
      throw damaged('a file of it has another content');
    }
    chmodSync(to, executable ? 0o755 : 0o644);
    utimesSync(to, modifiedAt / MS, modifiedAt / MS);
  }

  /** Makes it where there is nothing. A link to a folder is none. */
  #isFolder(path: BytePath): boolean {
    const known = this.#folders.get(path);
    if (known !== undefined) return known;
    const isFolder = this.#isFolder(parentOf(path)) && this.#isFolderHere(this.#host(path));
    this.#folders.set(path, isFolder);
    return isFolder;
  }

  #isFolderHere(host: Buffer): boolean {
    const info = lstatSync(host, { throwIfNoEntry: false });
    if (info === undefined) mkdirSync(host, 0o755);
    return info === undefined || info.isDirectory();
  }

  #count(isDone: boolean, bytes: number): void {
    if (isDone) {
      this.files += 1;
      this.bytes += bytes;
    } else this.skipped += 1;
  }

  #host(path: BytePath): Buffer {
    return bytesOf(`${this.#box}/${path}`);
  }
}

function unlessThere(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
