// Owns the kept set-ups: one folder for each key, which no sandbox can see, made once, given as a copy.
// Knows no run and no command.
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, stat, statfs, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../../base/clock.ts';
import { CaissonError, errorFrom } from '../../base/errors.ts';
import type { SetupEntry, SetupFacts } from '../../contracts/setups.ts';
import type { BytePath } from '../byte-path.ts';
import { removeTree } from '../remove.ts';
import type { KeepOrder, Kept } from './keep.ts';
import type { Laid } from './lay.ts';
import type { ThreadAnswer, ThreadOrder } from './thread.ts';

export interface SetupSource {
  readonly facts: SetupFacts;
  readonly keep: Omit<KeepOrder, 'entry'>;
}

export interface Obtained {
  readonly entry: SetupEntry;
  /** `joined`: another run was making it. */
  readonly cache: 'hit' | 'miss' | 'joined';
}

export interface SetupCache {
  /**
   * `make` runs where there is none, once for all who ask meanwhile. They all get `setup_failed` from it; another end of it is its own,
   * and the next of them makes it. Held until `release`.
   */
  obtain(key: string, make: () => Promise<SetupSource>, signal: AbortSignal): Promise<Obtained>;
  release(key: string): void;
  /** Into a box in which nothing lives. Throws `setup_damaged`; then the entry is gone. */
  lay(entry: SetupEntry, box: string): Promise<Laid>;
  /** The latest used first. */
  list(): Promise<readonly SetupEntry[]>;
  get(key: string): Promise<SetupEntry | undefined>;
  /** Throws `not_found`, and `conflict` while a run holds it. */
  drop(key: string): Promise<SetupEntry>;
}

export interface CachePlan {
  /** Directory of ours, on the file system of the boxes. */
  readonly root: string;
  /** Not used for so long: it goes. */
  readonly keepMs: number;
  /** With more than that, or on a disk fuller than that, the longest unused go first. */
  readonly maxBytes: number;
  readonly diskPercent: number;
  readonly clock: Clock;
}

interface Desk {
  readonly plan: CachePlan;
  readonly making: Map<string, Promise<SetupEntry>>;
  readonly held: Map<string, number>;
}

const ABOUT = 'about.json';
const KEY = /^[0-9a-f]{32}$/;
const THREAD = new URL('./thread.ts', import.meta.url);

/** Clears away what an earlier process had begun, and what is too old. */
export async function openSetupCache(plan: CachePlan): Promise<SetupCache> {
  const desk: Desk = { plan, making: new Map(), held: new Map() };
  await mkdir(plan.root, { recursive: true, mode: 0o700 });
  const names = await readdir(plan.root);
  await Promise.all(names.filter((name) => !KEY.test(name)).map((name) => removeTree(join(plan.root, name))));
  await collect(desk);
  return {
    obtain: (key, make, signal) => obtain(desk, key, make, signal),
    release: (key) => hold(desk, key, -1),
    lay: (entry, box) => lay(desk, entry, box),
    list: () => list(desk),
    get: (key) => read(desk, key),
    drop: async (key) => {
      const entry = await read(desk, key);
      if (entry === undefined) throw new CaissonError('not_found', `there is no set-up ${key}`, { hint: LIST_HINT });
      if (isHeld(desk, key)) throw new CaissonError('conflict', `a run at work uses the set-up ${key}`);
      await remove(desk, key);
      return entry;
    },
  };
}

const LIST_HINT = '`caisson setup list` shows the keys.';

async function obtain(
  desk: Desk,
  key: string,
  make: () => Promise<SetupSource>,
  signal: AbortSignal,
): Promise<Obtained> {
  const { making } = desk;
  hold(desk, key, 1);
  try {
    for (let other = making.get(key); other !== undefined; other = making.get(key)) {
      const entry = await patiently(other, signal);
      if (entry !== undefined) return { entry, cache: 'joined' };
    }
    return await findOrMake(desk, key, make);
  } catch (error) {
    hold(desk, key, -1);
    throw error;
  }
}

/** Undefined if whoever made it has given up. */
async function patiently(making: Promise<SetupEntry>, signal: AbortSignal): Promise<SetupEntry | undefined> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new CaissonError('conflict', 'the run was stopped'));
  signal.addEventListener('abort', abort, { once: true });
  try {
    if (signal.aborted) abort();
    return await Promise.race([making, aborted]);
  } catch (error) {
    if (signal.aborted || (error instanceof CaissonError && error.code === 'setup_failed')) throw error;
    return undefined;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function findOrMake(desk: Desk, key: string, make: () => Promise<SetupSource>): Promise<Obtained> {
  const finding = read(desk, key);
  const work = finding.then(async (found) => found ?? put(desk, key, await make()));
  desk.making.set(key, work);
  const entry = await work.finally(() => desk.making.delete(key));
  const isHit = (await finding) !== undefined;
  if (isHit) await utimes(join(desk.plan.root, key, ABOUT), new Date(), new Date());
  else await collect(desk);
  return { entry, cache: isHit ? 'hit' : 'miss' };
}

function hold({ held }: Desk, key: string, change: 1 | -1): void {
  held.set(key, Math.max(0, (held.get(key) ?? 0) + change));
}

/** Nobody sees half of it: it gets its name when it is whole. */
async function put({ plan }: Desk, key: string, { facts, keep }: SetupSource): Promise<SetupEntry> {
  const part = join(plan.root, `${key}.${randomUUID()}.part`);
  await mkdir(join(part, 'objects'), { recursive: true, mode: 0o700 });
  try {
    const kept = (await inThread({ keep: { ...keep, entry: part } })) as Kept;
    const { manifest, files, bytes, leftOut, tops } = kept;
    const madeAt = plan.clock.now();
    const entry: SetupEntry = { key, ...facts, madeAt, usedAt: madeAt, manifest, files, bytes, leftOut, tops };
    await writeFile(join(part, ABOUT), JSON.stringify(entry), { mode: 0o400 });
    await rename(part, join(plan.root, key));
    return entry;
  } finally {
    await removeTree(part);
  }
}

async function lay(desk: Desk, { key, manifest }: SetupEntry, box: string): Promise<Laid> {
  try {
    return (await inThread({ lay: { entry: join(desk.plan.root, key), manifest, box } })) as Laid;
  } catch (error) {
    const isDamaged = error instanceof CaissonError && error.code === 'setup_damaged';
    // Another run may have made it anew meanwhile.
    if (isDamaged && (await read(desk, key))?.manifest === manifest) await remove(desk, key);
    throw error;
  }
}

async function list(desk: Desk): Promise<readonly SetupEntry[]> {
  const names = (await readdir(desk.plan.root)).filter((name) => KEY.test(name));
  const entries = await Promise.all(names.map((name) => read(desk, name)));
  return entries.flatMap((entry) => entry ?? []).sort((left, right) => right.usedAt - left.usedAt);
}

/** One that cannot be read is as good as none: it is made anew. */
async function read(desk: Desk, key: string): Promise<SetupEntry | undefined> {
  if (!KEY.test(key)) return undefined;
  const about = join(desk.plan.root, key, ABOUT);
  try {
    const [text, info] = await Promise.all([readFile(about, 'utf8'), stat(about)]);
    return { ...(JSON.parse(text) as SetupEntry), usedAt: Math.round(info.mtimeMs) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') await remove(desk, key);
    return undefined;
  }
}

/** Its name goes first: what is being removed is no entry any more. */
async function remove({ plan }: Desk, key: string): Promise<void> {
  const gone = join(plan.root, `${key}.${randomUUID()}.gone`);
  try {
    await rename(join(plan.root, key), gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await removeTree(gone);
}

async function collect(desk: Desk): Promise<void> {
  const { keepMs, maxBytes, clock } = desk.plan;
  const entries = (await list(desk)).toReversed();
  let bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  for (const entry of entries) {
    if (isHeld(desk, entry.key)) continue;
    const isOld = clock.now() - entry.usedAt > keepMs;
    if (!isOld && bytes <= maxBytes && !(await isDiskFull(desk.plan))) continue;
    await remove(desk, entry.key);
    bytes -= entry.bytes;
  }
}

async function isDiskFull({ root, diskPercent }: CachePlan): Promise<boolean> {
  const { blocks, bavail } = await statfs(root);
  return bavail < blocks * (1 - diskPercent / 100);
}

function isHeld({ held }: Desk, key: string): boolean {
  return (held.get(key) ?? 0) > 0;
}

async function inThread(workerData: ThreadOrder): Promise<Kept | Laid> {
  const answer = await new Promise<ThreadAnswer>((resolve, reject) => {
    const worker = new Worker(THREAD, { workerData });
    worker.on('message', resolve);
    worker.on('error', reject);
    worker.on('exit', () => reject(new CaissonError('internal', 'the thread of a set-up ended without an answer')));
  });
  if (!answer.ok) throw errorFrom(answer.report);
  return answer.value;
}

/** Lines for `info/exclude` of a git directory: these paths are no work of anybody. */
export function excludeLines(tops: readonly BytePath[]): string {
  // A line break begins another pattern: there any character may stand.
  const escaped = (path: BytePath) => path.replaceAll(/[\\*?[\]!# ]/g, String.raw`\$&`).replaceAll(/[\r\n]/g, '?');
  return tops.map((path) => `/${escaped(path)}\n`).join('');
}
