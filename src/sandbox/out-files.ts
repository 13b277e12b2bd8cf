// Owns the files that the host puts beside the work tree for a command. Their folder is read-only inside. Knows no shell.
import { lstat, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecRequest } from '../contracts/executor.ts';

export interface StdinFile {
  /** As seen inside. */
  readonly path: string;
  remove(): Promise<void>;
}

const NOTHING: StdinFile = { path: '/dev/null', remove: async () => {} };

/** A file, not a pipe: no process is needed to feed it, and a command that does not read it blocks nothing. */
export async function putStdin(box: string, out: string, { exec, stdin }: ExecRequest): Promise<StdinFile> {
  if (stdin === undefined || stdin === '') return NOTHING;
  const hostPath = join(box, 'out', `${exec}.in`);
  await writeFile(hostPath, stdin, { flag: 'wx', mode: 0o644 });
  return { path: join(out, `${exec}.in`), remove: () => rm(hostPath, { force: true }) };
}

export function keptOutput(
  box: string,
  out: string,
  exec: string,
): { readonly hostPath: string; readonly insidePath: string } {
  const name = `${exec}.log`;
  return { hostPath: join(box, 'out', name), insidePath: join(out, name) };
}

/** True if the parts of a box are directories of their own: what is a link could lead the host elsewhere. */
export async function isBox(box: string): Promise<boolean> {
  const parts = [box, join(box, 'work'), join(box, 'home'), join(box, 'out')];
  const found = await Promise.all(parts.map((path) => lstat(path).catch(() => undefined)));
  return found.every((one) => one?.isDirectory() === true);
}
