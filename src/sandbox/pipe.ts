// Owns a real pipe for the output of a sandbox. Node's own are sockets, and a program that opens /dev/stdout fails on a socket.
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';

export interface OutputPipe {
  readonly reader: Readable;
  /** For the child; the host closes its copy after the spawn, so that the reader ends with the last writer. */
  readonly writeFd: number;
  closeWriter(): void;
}

const run = promisify(execFile);

/** The name is gone when this resolves: only who got the descriptor can write. */
export async function openPipe(): Promise<OutputPipe> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-pipe-'));
  try {
    const path = join(folder, 'output');
    await run('mkfifo', ['-m', '666', path]);
    const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writeFd = openSync(path, constants.O_WRONLY);
    const reader = new Socket({ fd: readFd, readable: true, writable: false });
    return { reader, writeFd, closeWriter: () => closeSync(writeFd) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
