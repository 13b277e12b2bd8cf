// Owns the reading of files of a work tree in which hostile processes may be alive: component by component, no link followed, nothing that
// blocks. Knows no git.
import { closeSync, constants, fstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { type BytePath, bytesOf, toBytePath } from '../byte-path.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
const FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

export interface OpenFile {
  readonly fd: number;
  readonly info: Stats;
}

/**
 * The directories to the last path stay open, so that neighbours are cheap: ask in the order of the paths. Undefined (not there, not what
 * it was, not readable) is no error: the tree changes under us. Close it in any case.
 */
export interface SafeFiles {
  /** A regular file; the caller closes it. */
  open(path: BytePath): OpenFile | undefined;
  /** The bytes of a symbolic link. */
  readLink(path: BytePath): Buffer | undefined;
  close(): void;
}

/** `top`: absolute host path of the tree. */
export function openSafely(top: string): SafeFiles {
  const chain: { readonly name: BytePath; readonly fd: number }[] = [];
  const shorten = (length: number) => {
    for (const { fd } of chain.splice(length)) closeSync(fd);
  };
  const enter = (path: BytePath): BytePath | undefined => {
    const names = [toBytePath(top), ...path.split('/')];
    const last = names.pop() ?? '';
    let same = 0;
    while (same < chain.length && same < names.length && chain[same]?.name === names[same]) same += 1;
    shorten(same);
    for (const name of names.slice(same)) {
      const fd = orUndefined(() => openSync(bytesOf(place(chain.at(-1)?.fd, name)), DIRECTORY));
      if (fd === undefined) return undefined;
      chain.push({ name, fd });
    }
    return place(chain.at(-1)?.fd, last);
  };
  return {
    open: (path) => {
      const at = enter(path);
      return at === undefined ? undefined : openRegular(at);
    },
    readLink: (path) => {
      const at = enter(path);
      return at === undefined ? undefined : orUndefined(() => readlinkSync(bytesOf(at), { encoding: 'buffer' }));
    },
    close: () => shorten(0),
  };
}

/** All of it, up to `most` bytes: it may grow while it is read. */
export function readAll({ fd, info }: OpenFile, most: number): Buffer {
  const room = Buffer.allocUnsafe(Math.min(info.size + 1, most));
  let filled = 0;
  for (;;) {
    const read = readSync(fd, room, filled, room.length - filled, filled);
    filled += read;
    if (read === 0 || filled === room.length) return room.subarray(0, Math.min(filled, info.size));
  }
}

/** The name in an open directory: the kernel goes on from the directory itself, wherever it has been moved meanwhile. */
function place(fd: number | undefined, name: BytePath): BytePath {
  return fd === undefined ? name : `/proc/self/fd/${fd}/${name}`;
}

function openRegular(at: BytePath): OpenFile | undefined {
  const fd = orUndefined(() => openSync(bytesOf(at), FILE));
  if (fd === undefined) return undefined;
  const info = fstatSync(fd);
  if (info.isFile()) return { fd, info };
  closeSync(fd);
  return undefined;
}

function orUndefined<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
