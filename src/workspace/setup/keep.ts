// Owns what is kept of a box in which a set-up has run: all that is new in work/ and home/, by content. Every process of it must be dead:
// nothing changes under us. Follows no link. Runs in a thread of its own.
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  type Stats,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { CaissonError } from '../../base/errors.ts';
import { type BytePath, bytesOf, parentOf, showPath, toBytePath } from '../byte-path.ts';
import { hashOf, hashOfFile, IN_MEMORY, type KeptItem, MANIFEST, manifestText, objectPath } from './manifest.ts';

export interface KeepOrder {
  readonly box: string;
  /** Empty directory of ours. */
  readonly entry: string;
  /** Files of the tree that the set-up began with: they are the repository's, whatever became of them. */
  readonly known: readonly BytePath[];
  readonly maxFiles: number;
  readonly maxBytes: number;
}

export interface Kept {
  /** Hash of the list. */
  readonly manifest: string;
  readonly files: number;
  readonly bytes: number;
  /** The new paths in work/ that lie in no other new one. */
  readonly tops: readonly BytePath[];
  /** Pipes, sockets, devices, unreadable files: how many there were. */
  readonly leftOut: number;
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const WORK = 'work/';
const HOME = 'home/';
/** Each is a line of what git is told to ignore. */
const MOST_TOPS = 2000;

/** Throws `setup_failed` over a limit. */
export function keepSetup(order: KeepOrder): Kept {
  const keeping = new Keeping(order);
  keeping.takeFolder(WORK, true);
  keeping.takeFolder(HOME, false);
  const text = manifestText(keeping.items);
  writeFileSync(join(order.entry, MANIFEST), text, { mode: 0o400, flag: 'wx' });
  const { files, bytes, tops, leftOut } = keeping;
  return { manifest: hashOf(text), files, bytes, tops, leftOut };
}

class Keeping {
  readonly items: KeptItem[] = [];
  readonly tops: BytePath[] = [];
  files = 0;
  bytes = 0;
  leftOut = 0;
  readonly #order: KeepOrder;
  readonly #box: BytePath;
  readonly #known = new Set<BytePath>();
  readonly #knownFolders = new Set<BytePath>();

  constructor(order: KeepOrder) {
    this.#order = order;
    this.#box = toBytePath(order.box);
    for (const path of order.known) {
      this.#known.add(WORK + path);
      for (let at = parentOf(path); at !== '' && !this.#knownFolders.has(WORK + at); at = parentOf(at))
        this.#knownFolders.add(WORK + at);
    }
  }

  /** `isKnown`: the folder itself is none that the set-up made. */
  takeFolder(folder: BytePath, isKnown: boolean): void {
    for (const name of this.#namesIn(folder)) {
      const path = folder + name;
      if (path === `${WORK}.git` || this.#known.has(path)) continue;
      const info = lstatSync(this.#host(path));
      if (this.#knownFolders.has(path)) {
        if (info.isDirectory()) this.takeFolder(`${path}/`, true);
        continue;
      }
      if (isKnown && this.tops.push(path.slice(WORK.length)) > MOST_TOPS)
        throw tooMuch(`more than ${MOST_TOPS} new paths beside the files of the repository`);
      this.#takeNew(path, info);
    }
  }

  #takeNew(path: BytePath, info: Stats): void {
    this.#count(info.isFile() ? info.size : 0);
    if (info.isDirectory()) {
      this.items.push({ kind: 'directory', path });
      this.takeFolder(`${path}/`, false);
    } else if (info.isSymbolicLink()) {
      this.items.push({ kind: 'link', path, target: readlinkSync(this.#host(path), { encoding: 'latin1' }) });
    } else if (info.isFile()) this.#takeFile(path);
    else this.leftOut += 1;
  }

  #takeFile(path: BytePath): void {
    const fd = openOrUndefined(this.#host(path));
    if (fd === undefined) {
      this.leftOut += 1;
      return;
    }
    try {
      const { size: bytes, mode, mtimeMs: modifiedAt } = fstatSync(fd);
      const hash = bytes > IN_MEMORY ? this.#storeLarge(fd) : this.#storeSmall(readFileSync(fd));
      this.items.push({ kind: 'file', path, executable: (mode & 0o100) !== 0, bytes, hash, modifiedAt });
    } finally {
      closeSync(fd);
    }
  }

  #storeSmall(content: Buffer): string {
    const hash = hashOf(content);
    const object = this.#place(hash);
    if (!existsSync(object)) writeFileSync(object, content, { mode: 0o400, flag: 'wx' });
    return hash;
  }

  #storeLarge(fd: number): string {
    const part = join(this.#order.entry, 'part');
    copyFileSync(`/proc/self/fd/${fd}`, part, constants.COPYFILE_FICLONE);
    chmodSync(part, 0o400);
    const hash = hashOfFile(part);
    renameSync(part, this.#place(hash));
    return hash;
  }

  #place(hash: string): string {
    const object = objectPath(this.#order.entry, hash);
    mkdirSync(dirname(object), { recursive: true });
    return object;
  }

  #count(bytes: number): void {
    const { maxFiles, maxBytes } = this.#order;
    this.files += 1;
    this.bytes += bytes;
    if (this.files > maxFiles) throw tooMuch(`more than ${maxFiles} files and directories`, 'setup_files');
    if (this.bytes > maxBytes) throw tooMuch(`more than ${maxBytes} bytes`, 'setup_bytes');
  }

  #namesIn(folder: BytePath): readonly BytePath[] {
    const path = this.#host(folder);
    try {
      return readdirSync(path, { encoding: 'latin1' }).sort();
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENAMETOOLONG') throw tooMuch(`a path of more than 4 kB: ${showPath(folder).slice(0, 100)}`);
      if (code !== 'EACCES') throw error;
      chmodSync(path, 0o700);
      return readdirSync(path, { encoding: 'latin1' }).sort();
    }
  }

  #host(path: BytePath): Buffer {
    return bytesOf(`${this.#box}/${path}`);
  }
}

function openOrUndefined(path: Buffer): number | undefined {
  try {
    return openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined;
  }
}

function tooMuch(found: string, limit?: string): CaissonError {
  const named = limit === undefined ? '' : ` (limits.${limit})`;
  return new CaissonError('setup_failed', `the set-up left ${found}${named}`);
}
