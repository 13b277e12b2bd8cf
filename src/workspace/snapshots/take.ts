// Owns the states of a work tree while hostile processes may be alive in it: each is a tree in the trusted git directory, taken from
// outside by content. Only what may have changed is read again. Knows no run and no journal.
import { closeSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { CaissonError } from '../../base/errors.ts';
import type { Limits } from '../../base/limits.ts';
import type { WorkspacePaths } from '../../contracts/workspace.ts';
import { type BytePath, showPath } from '../byte-path.ts';
import { type KnownPaths, knownPaths } from '../known-paths.ts';
import { mapInSlices } from '../slices.ts';
import { isRefusedLink } from '../snapshot.ts';
import { listTree } from '../tree.ts';
import { hasExcludes } from '../trusted-git.ts';
import { type FoundFile, type Verdict, walkTree } from '../walk.ts';
import { createGrowingTree, type GrowingTree } from './growing-tree.ts';
import { createObjectWriter, type ObjectWriter } from './objects.ts';
import { openSafely, readAll, type SafeFiles } from './safe-files.ts';

export interface Taken {
  readonly tree: string;
  /** Paths that differ from the state before; from the base for the first. */
  readonly changed: number;
}

export interface Snapshots {
  /**
   * One at a time. Undefined as soon as the signal has aborted. Throws `snapshot_failed` over a limit and where a directory cannot be
   * looked at. What .gitignore names is left out, as in a patch.
   */
  take(signal: AbortSignal): Promise<Taken | undefined>;
}

export interface SnapshotPlan {
  readonly paths: Pick<WorkspacePaths, 'git' | 'work'>;
  /** Tree that the work began on. */
  readonly base: string;
  readonly limits: Limits;
}

/**
 * A change of a file changes its ctime, which no process can set. But clocks have ticks: a file that was changed so shortly before it
 * was read may have been changed again within the same tick, and is read again the next time.
 */
const SETTLED_MS = 100;
const SLICE = 32;
/** Larger files are not held in memory. */
const IN_MEMORY = 1024 * 1024;
/** A rules file may turn into a pipe between our look and git's. */
const GIT_MS = 5000;

/** What nobody can keep as it was when the file changes. */
type Stamp = Pick<FoundFile, 'inode' | 'bytes' | 'modifiedAt' | 'changedAt' | 'executable' | 'link'>;

interface Held {
  /** Number of the look at which it was there. */
  seen: number;
  /** Undefined: it must be read again. */
  readonly file: Stamp | undefined;
}

interface Desk {
  readonly plan: SnapshotPlan;
  readonly known: KnownPaths;
  readonly remembered: Map<string, Verdict>;
  readonly tree: GrowingTree;
  readonly objects: ObjectWriter;
  /** Every path of the tree. */
  readonly held: Map<BytePath, Held>;
  looks: number;
  /** Paths that changed since the last state that was told. */
  changed: number;
}

export function createSnapshots(plan: SnapshotPlan): Snapshots {
  let opening: Promise<Desk> | undefined;
  return { take: async (signal) => takeNow(await (opening ??= openDesk(plan)), signal) };
}

async function openDesk(plan: SnapshotPlan): Promise<Desk> {
  const entries = await listTree(plan.paths.git, plan.base);
  return {
    plan,
    known: await knownPaths(entries),
    remembered: new Map(),
    tree: createGrowingTree(entries),
    objects: createObjectWriter(plan.paths.git, plan.base.length, new Set(entries.map(({ id }) => id))),
    held: new Map(entries.map(({ path }) => [path, { seen: 0, file: undefined }])),
    looks: 0,
    changed: 0,
  };
}

async function takeNow(desk: Desk, signal: AbortSignal): Promise<Taken | undefined> {
  const found = await look(desk);
  if (!(await readChanged(desk, await toRead(desk, found), signal))) return undefined;
  for (const [path, held] of desk.held) {
    if (held.seen === desk.looks) continue;
    desk.held.delete(path);
    desk.tree.remove(path);
    desk.changed += 1;
  }
  requireRoom(desk);
  const taken = { tree: desk.tree.name(desk.objects), changed: desk.changed };
  desk.changed = 0;
  return taken;
}

/** The others are as they were; it is noted that they are there. In the order of the paths. */
async function toRead(desk: Desk, found: readonly FoundFile[]): Promise<readonly FoundFile[]> {
  desk.looks += 1;
  const open = await mapInSlices(found, (file) => {
    const held = desk.held.get(file.path);
    if (held?.file === undefined || !isUntouched(held.file, file)) return isRefusedLink(file) ? [] : [file];
    held.seen = desk.looks;
    return [];
  });
  return open.sort((left, right) => (left.path < right.path ? -1 : 1));
}

/** False: the signal has aborted. */
async function readChanged(desk: Desk, open: readonly FoundFile[], signal: AbortSignal): Promise<boolean> {
  const files = openSafely(desk.plan.paths.work);
  try {
    for (const [at, file] of open.entries()) {
      if (at % SLICE === SLICE - 1) await nextTurn();
      if (signal.aborted) return false;
      await readAgain(desk, files, file);
    }
    return !signal.aborted;
  } finally {
    files.close();
  }
}

async function look({ plan, known, remembered }: Desk): Promise<readonly FoundFile[]> {
  const { paths, limits } = plan;
  const { files } = await walkTree({
    top: paths.work,
    known,
    remembered,
    call: { gitDir: paths.git, deadlineMs: GIT_MS },
    excluding: hasExcludes(paths.git),
    enterNested: true,
    maxFiles: limits.repositoryFiles,
    maxBytes: limits.repositoryBytes,
    tooMuch: (what, limit) => failed(`the work tree has grown to ${what} that are not ignored (${limit})`),
    onLocked: (path, cause) => Promise.reject(failed(`${showPath(path)} cannot be listed`, cause)),
    onUnsafe: (path) => failed(`${showPath(path)} is no file that git could read, or over 1 MiB`),
  });
  return files;
}

function isUntouched(held: Stamp, file: Stamp): boolean {
  return (
    held.changedAt === file.changedAt &&
    held.inode === file.inode &&
    held.bytes === file.bytes &&
    held.modifiedAt === file.modifiedAt &&
    held.link === file.link &&
    held.executable === file.executable
  );
}

/** A file that cannot be read stays as it was; one that is gone, or is no file and no link any more, is not seen. */
async function readAgain(desk: Desk, files: SafeFiles, file: FoundFile): Promise<void> {
  const now = Date.now();
  const { path, link, readable } = file;
  const seen = desk.looks;
  const read = link ? readLink(desk, files, file) : await readFile(desk, files, file);
  if (read === undefined) {
    if (!readable && desk.held.has(path)) desk.held.set(path, { seen, file: undefined });
    return;
  }
  if (desk.tree.set({ path, mode: read.mode, id: read.id })) desk.changed += 1;
  desk.held.set(path, { seen, file: now - read.file.changedAt > SETTLED_MS ? read.file : undefined });
  requireRoom(desk);
}

interface Read {
  readonly mode: string;
  readonly id: string;
  readonly file: Stamp;
}

/** A link has no content of its own that could change: what was looked at before it was read is what counts for it. */
function readLink({ objects }: Desk, files: SafeFiles, file: FoundFile): Read | undefined {
  const target = files.readLink(file.path);
  return target === undefined ? undefined : { mode: '120000', id: objects.put('blob', target), file };
}

async function readFile({ objects }: Desk, files: SafeFiles, { path }: FoundFile): Promise<Read | undefined> {
  const open = files.open(path);
  if (open === undefined) return undefined;
  try {
    const { ino: inode, size: bytes, mtimeMs: modifiedAt, ctimeMs: changedAt, mode } = open.info;
    const executable = (mode & 0o100) !== 0;
    const file = { inode, bytes, modifiedAt, changedAt, executable, link: false };
    const isLarge = bytes > IN_MEMORY;
    const id = isLarge ? await objects.putFile(open.fd, bytes) : objects.put('blob', readAll(open, IN_MEMORY + 1));
    return { mode: executable ? '100755' : '100644', id, file };
  } finally {
    closeSync(open.fd);
  }
}

function requireRoom({ objects, plan }: Desk): void {
  const { snapshotBytes } = plan.limits;
  if (objects.written() > snapshotBytes)
    throw failed(`what the steps changed has more than ${snapshotBytes} bytes (snapshot_bytes)`);
}

function failed(message: string, cause?: unknown): CaissonError {
  return new CaissonError('snapshot_failed', message, { cause });
}
