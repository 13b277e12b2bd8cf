// Owns the collection of what is kept of files: by age, and the oldest first while the disk is too full. Knows no run, only names.
import { lstat, readdir, rm, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeTree } from '../remove.ts';

/** Whatever was used so shortly ago may be in use still. */
const IN_USE_MS = 3_600_000;
const HELD = '.held';

export interface CollectPlan {
  /** Its children are what is kept, one for each run, and marks of what is held. */
  readonly keptRoot: string;
  /** Its children are the directories of runs at work; one of no run is left over. */
  readonly runsRoot: string;
  /** Runs at work in this process. */
  readonly live: ReadonlySet<string>;
  readonly keepMs: number;
  /** Taken part of the disk over which the oldest go. */
  readonly diskPercent: number;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of the disk, in percent; asked anew after each removal. Absent: the disk itself. */
  readonly taken?: () => Promise<number>;
}

export interface Collected {
  /** Names of runs. */
  readonly byAge: readonly string[];
  readonly byDisk: readonly string[];
  /** Directories that belonged to no run. */
  readonly leftOver: readonly string[];
}

/** Nothing that is held, and nothing that was used within the last hour, whatever the disk says. */
export async function collectKept(plan: CollectPlan): Promise<Collected> {
  const leftOver = await removeLeftOver(plan);
  const old = await oldestFirst(plan);
  const byAge: string[] = [];
  const byDisk: string[] = [];
  for (const { name, usedAt } of old) {
    const isOld = plan.now - usedAt > plan.keepMs;
    if (!isOld && (await takenOf(plan)) <= plan.diskPercent) break;
    await removeTree(join(plan.keptRoot, name));
    (isOld ? byAge : byDisk).push(name);
  }
  return { byAge, byDisk, leftOver };
}

/** It is in use: it stays for an hour at least. No-op if it is not there. `now`: milliseconds since 1970. */
export async function touchKept(path: string, now: number): Promise<void> {
  await utimes(path, now / 1000, now / 1000).catch(() => {});
}

/** Survives a restart; may be set before there is anything to hold. */
export async function holdKept(keptRoot: string, run: string, held: boolean): Promise<void> {
  const mark = join(keptRoot, run + HELD);
  if (held) await writeFile(mark, '', { mode: 0o600 });
  else await rm(mark, { force: true });
}

interface Kept {
  readonly name: string;
  readonly usedAt: number;
}

async function oldestFirst({ keptRoot, now }: CollectPlan): Promise<readonly Kept[]> {
  const names = await readdir(keptRoot).catch(() => []);
  const held = new Set(names.filter((name) => name.endsWith(HELD)).map((name) => name.slice(0, -HELD.length)));
  const free = names.filter((name) => !name.endsWith(HELD) && !held.has(name));
  return (await withTimes(keptRoot, free)).filter(({ usedAt }) => now - usedAt > IN_USE_MS);
}

async function removeLeftOver({ runsRoot, live, now }: CollectPlan): Promise<readonly string[]> {
  const names = (await readdir(runsRoot).catch(() => [])).filter((name) => !live.has(name));
  const old = (await withTimes(runsRoot, names)).filter(({ usedAt }) => now - usedAt > IN_USE_MS);
  for (const { name } of old) await removeTree(join(runsRoot, name));
  return old.map(({ name }) => name);
}

async function withTimes(root: string, names: readonly string[]): Promise<readonly Kept[]> {
  const found: Kept[] = [];
  for (const name of names) {
    const info = await lstat(join(root, name)).catch(() => undefined);
    if (info !== undefined) found.push({ name, usedAt: info.mtimeMs });
  }
  return found.sort((left, right) => left.usedAt - right.usedAt);
}

async function takenOf({ keptRoot, taken }: CollectPlan): Promise<number> {
  if (taken !== undefined) return taken();
  const { blocks, bavail } = await statfs(keptRoot);
  return blocks === 0 ? 0 : 100 * (1 - bavail / blocks);
}
