// Owns another set-up in the middle of a run, from the files as the agent has them now. Knows no tool and no decision.
import { lstat, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reportOf } from '../../base/errors.ts';
import type { Emit } from '../../contracts/ports.ts';
import type { WorkspacePaths } from '../../contracts/workspace.ts';
import { giveTo } from '../../workspace/box.ts';
import { bytesOf } from '../../workspace/byte-path.ts';
import { removeTree } from '../../workspace/remove.ts';
import { treeOfWork } from '../../workspace/snapshot.ts';
import { listTree } from '../../workspace/tree.ts';
import type { Again, AgainJob, SetupPorts, SetupRoom } from './port.ts';

/** Nothing may live in the box. Where its commands fail, all stays as it was. Rejects only when the run is stopped. */
export async function setUpAgain(
  command: string,
  job: AgainJob,
  room: Pick<SetupRoom, 'setUp'>,
  ports: SetupPorts,
  emit: Emit,
): Promise<Again> {
  const { run, paths, request, before, signal } = job;
  try {
    const tree = await presentTree(paths, request.origin.tree, ports);
    const of = { git: paths.git, tree, entries: await listTree(paths.git, tree) };
    const setup = { run: [...(before?.commands ?? []), command], failure: 'end' as const };
    const setUp = await room.setUp({ run, request: { setup }, root: paths.root, of, signal }, ports, emit);
    if (setUp === undefined) return { ok: false, why: 'there was nothing to do' };
    for (const top of setUp.tops) await removeTop(paths.work, top);
    await setUp.lay?.(paths.box);
    if (ports.owner !== undefined) await giveTo(ports.owner, paths.box);
    before?.release();
    return { ok: true, setUp };
  } catch (error) {
    if (signal.aborted) throw error;
    return { ok: false, why: reportOf(error).message };
  }
}

async function presentTree(paths: WorkspacePaths, base: string, { limits }: SetupPorts): Promise<string> {
  const scratch = await mkdtemp(join(paths.git, 'set-up-'));
  try {
    return await treeOfWork(paths, base, scratch, limits);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What was set up before, so that the new one can come in its place. Not where a link stands on the way: it might lead out. */
async function removeTop(work: string, top: string): Promise<void> {
  const path = bytesOf(top).toString('utf8');
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    const info = await lstat(join(work, folder)).catch(() => undefined);
    if (info?.isDirectory() !== true) return;
  }
  await removeTree(join(work, path));
}
