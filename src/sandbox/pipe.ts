// Owns a real pipe for the output of a sandbox. Node's own are sockets, and a program that opens /dev/stdout fails on a socket.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, constants, fchmodSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

export interface OutputPipe {
  readonly reader: Readable;
  /** For the child; the host closes its copy after the spawn, so that the reader ends with the last writer. */
  readonly writeFd: number;
  closeWriter(): void;
  /** For a pipe that nobody got. */
  discard(): void;
}

const run = promisify(execFile);
/** The programs inside open it by /dev/stdout, as another user than the service's. */
const EVERYBODY = 0o666;

/** The name is gone when this resolves: only who got the descriptor can write. */
export async function openPipe(folder: string): Promise<OutputPipe> {
  const path = join(folder, `output-${randomUUID()}`);
  try {
    await run('mkfifo', ['-m', '600', path]);
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeFd = openSync(path, constants.O_WRONLY);
    fchmodSync(readFd, EVERYBODY);
    const reader = new Socket({ fd: readFd, readable: true, writable: false });
    const closeWriter = () => closeSync(writeFd);
    const discard = () => {
      closeWriter();
      reader.destroy();
    };
    return { reader, writeFd, closeWriter, discard };
  } finally {
    rmSync(path, { force: true });
  }
}
