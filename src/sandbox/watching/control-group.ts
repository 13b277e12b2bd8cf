// Owns the control groups of sandboxes, below a group that was made for them. Makes no such group itself: whoever runs the service does.
import { accessSync, constants, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from '../../base/limits.ts';
import type { SandboxLimits } from '../../contracts/executor.ts';
import { familyOf, readProcess } from '../processes.ts';

/** Made below or beside the group of the service, and writable for it. */
export const GROUP_OF_SANDBOXES = 'caisson.sandboxes';

/** A folder with its controller. In version 2 both are the same folder. */
interface Place {
  readonly folder: string;
  readonly version: 1 | 2;
}

export interface GroupPlaces {
  readonly memory: Place | undefined;
  readonly pids: Place | undefined;
}

export interface ControlGroup {
  /** Names of the limits that the kernel keeps with it. */
  readonly hard: readonly string[];
  /** The process and all that descends from it; false if they could not be taken in. Nothing may be started meanwhile. */
  enter(pid: number): boolean;
  /** How many processes the kernel has killed for want of memory. */
  outOfMemory(): number;
  /** After the death of all in it. */
  remove(): Promise<void>;
}

/** Names the process that made it: pid and start time. */
const NAME = /^box-(\d+)-(\d+)-[\w.-]+$/;
/** Firejail's own processes are in the group. */
const TASKS_OF_FIREJAIL = 8;
const AGAIN_MS = 5;

/** Both are undefined where nothing was delegated. `self`: a folder like /proc/self. */
export function findGroups(name = GROUP_OF_SANDBOXES, self = '/proc/self'): GroupPlaces {
  try {
    const groups = readFileSync(join(self, 'cgroup'), 'latin1');
    const mounts = readFileSync(join(self, 'mountinfo'), 'latin1');
    const unified = /^0::(\/.*)$/m.exec(groups)?.[1];
    const of = (controller: string): Place | undefined => {
      const own = new RegExp(`^\\d+:(?:[^:]*,)?${controller}(?:,[^:]*)?:(/.*)$`, 'm').exec(groups)?.[1];
      if (own !== undefined) return placeIn(mountOf(mounts, 'cgroup', controller), own, name, 1);
      const place = unified === undefined ? undefined : placeIn(mountOf(mounts, 'cgroup2'), unified, name, 2);
      return place !== undefined && handsDown(place, controller) ? place : undefined;
    };
    return { memory: of('memory'), pids: of('pids') };
  } catch {
    return { memory: undefined, pids: undefined };
  }
}

/** Undefined where nothing was delegated, or where it cannot be made. `sandbox`: a name. */
export function makeGroup(places: GroupPlaces, sandbox: string, limits: SandboxLimits): ControlGroup | undefined {
  const folders: string[] = [];
  const name = `box-${process.pid}-${readProcess(process.pid)?.startedAt ?? 0}-${sandbox}`;
  try {
    const memory = places.memory && makeFolder(places.memory, name, folders);
    const pids = places.pids && makeFolder(places.pids, name, folders);
    if (memory !== undefined && places.memory !== undefined)
      limitMemory(memory, places.memory.version, limits.memoryBytes);
    if (pids !== undefined) writeFileSync(join(pids, 'pids.max'), `${limits.processes + TASKS_OF_FIREJAIL}`);
    if (folders.length === 0) return undefined;
    return {
      hard: [...(memory === undefined ? [] : ['total_memory']), ...(pids === undefined ? [] : ['processes'])],
      enter: (pid) => enterAll(pid, folders),
      outOfMemory: () => (memory === undefined ? 0 : killsIn(memory)),
      remove: () => removeAll(folders),
    };
  } catch {
    void removeAll(folders);
    return undefined;
  }
}

/** Removes the groups of processes that are gone. Call after what was in them is dead. */
export async function sweepGroups({ memory, pids }: GroupPlaces): Promise<void> {
  const left: string[] = [];
  for (const folder of new Set([memory?.folder, pids?.folder]))
    for (const name of folder === undefined ? [] : readdirSync(folder)) {
      const [, pid, startedAt] = NAME.exec(name) ?? [];
      const isLeft = pid !== undefined && readProcess(Number(pid))?.startedAt !== Number(startedAt);
      if (folder !== undefined && isLeft) left.push(join(folder, name));
    }
  await removeAll(left);
}

/** Where a hierarchy is mounted, and which of its groups is the root of that mount. */
function mountOf(
  mounts: string,
  type: string,
  controller?: string,
): { readonly at: string; readonly root: string } | undefined {
  for (const line of mounts.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root = '', at = ''] = before.split(' ');
    const [kind, , options = ''] = after.split(' ');
    if (kind === type && (controller === undefined || options.split(',').includes(controller))) return { at, root };
  }
  return undefined;
}

function placeIn(mount: ReturnType<typeof mountOf>, own: string, name: string, version: 1 | 2): Place | undefined {
  if (mount === undefined || !own.startsWith(mount.root)) return undefined;
  const folder = join(mount.at, own.slice(mount.root === '/' ? 0 : mount.root.length));
  const wanted = [join(folder, name), ...(folder === mount.at ? [] : [join(dirname(folder), name)])];
  const found = wanted.find(isWritable);
  return found === undefined ? undefined : { folder: found, version };
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** In version 2 a group has only the controllers that the group above hands down. */
function handsDown({ folder }: Place, controller: string): boolean {
  if (!readFileSync(join(folder, 'cgroup.controllers'), 'latin1').trim().split(' ').includes(controller)) return false;
  writeFileSync(join(folder, 'cgroup.subtree_control'), `+${controller}`);
  return true;
}

function makeFolder({ folder }: Place, name: string, folders: string[]): string {
  const made = join(folder, name);
  if (folders.includes(made)) return made;
  mkdirSync(made);
  folders.push(made);
  return made;
}

function limitMemory(folder: string, version: 1 | 2, bytes: number): void {
  if (version === 1) {
    writeFileSync(join(folder, 'memory.limit_in_bytes'), `${bytes}`);
    writeIfThere(join(folder, 'memory.memsw.limit_in_bytes'), `${bytes}`);
    return;
  }
  writeFileSync(join(folder, 'memory.max'), `${bytes}`);
  writeIfThere(join(folder, 'memory.swap.max'), '0');
  writeFileSync(join(folder, 'memory.oom.group'), '1');
}

/** A kernel that does not count swap has no such file. */
function writeIfThere(path: string, text: string): void {
  if (isWritable(path)) writeFileSync(path, text);
}

function enterAll(pid: number, folders: readonly string[]): boolean {
  try {
    for (const folder of folders)
      for (const one of familyOf(pid)) writeFileSync(join(folder, 'cgroup.procs'), `${one.pid}`);
    return true;
  } catch {
    return false;
  }
}

function killsIn(folder: string): number {
  for (const name of ['memory.events', 'memory.oom_control']) {
    try {
      const found = /^oom_kill (\d+)$/m.exec(readFileSync(join(folder, name), 'latin1'));
      if (found !== null) return Number(found[1]);
    } catch {
      // The other version's name.
    }
  }
  return 0;
}

/** A group is busy until the last of its dead has been buried. */
async function removeAll(folders: readonly string[]): Promise<void> {
  const deadline = performance.now() + LIMITS.deathMs;
  for (const folder of folders)
    while (!isRemoved(folder) && performance.now() < deadline) await delay(AGAIN_MS, undefined, { ref: false });
}

function isRemoved(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
