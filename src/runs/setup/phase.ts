// Owns what happens before an agent sees anything: the set-up of a run, from the cache or made in a sandbox of its own. Knows no model.
import { join } from 'node:path';
import { CaissonError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { canonicalJson } from '../../base/json.ts';
import type { Emit } from '../../contracts/ports.ts';
import type { EventOf } from '../../contracts/run-events.ts';
import type { SetupEntry, SetupSettings } from '../../contracts/setups.ts';
import { removeTree } from '../../workspace/remove.ts';
import { excludeLines, type Obtained, type SetupCache } from '../../workspace/setup/cache.ts';
import { writeExcludes } from '../../workspace/trusted-git.ts';
import { environmentText } from './environment.ts';
import { planSetup, seenTree, type SetupPlan } from './plan.ts';
import type { SetUp, SetupJob, SetupPorts } from './port.ts';
import { failedNote, readyNote, skippedNote } from './words.ts';
import { makeSetup, readToolchain, type SetupWork } from './work.ts';

/** What all set-ups of a service share. */
export interface SharedSetups {
  readonly cache: SetupCache;
  readonly settings: SetupSettings;
  /** What `read` said within the last minute, else what it says now. */
  toolchain(read: () => Promise<string>): Promise<string>;
}

interface Desk {
  readonly job: SetupJob;
  readonly plan: SetupPlan;
  readonly work: SetupWork;
  readonly key: string;
  readonly room: SharedSetups;
  readonly ports: SetupPorts;
  readonly emit: Emit;
}

const NOTHING = { commands: [], tops: [], release: () => {} };
const KEY_FORMAT = 1;
const KEY_LETTERS = 32;
const HASH_START = 'sha256:'.length;

/** Undefined: there is nothing to set up. Throws `setup_failed` where that is the end of the run. */
export async function setUp(
  job: SetupJob,
  room: SharedSetups,
  ports: SetupPorts,
  emit: Emit,
): Promise<SetUp | undefined> {
  const plan = planSetup(job.request, job.of.entries, room.settings.detect);
  if (plan === undefined) return undefined;
  ports.progress(job.run.id, { type: 'phase', name: 'setup' });
  try {
    return await setUpBy(plan, job, room, ports, emit);
  } catch (error) {
    const { failure } = plan;
    const isOurs = error instanceof CaissonError && error.code === 'setup_failed';
    if (!isOurs || failure === 'end' || job.signal.aborted) throw error;
    return { ...NOTHING, note: failedNote(plan.run, error.message) };
  } finally {
    await removeTree(join(job.root, 'setup'));
  }
}

async function setUpBy(
  plan: SetupPlan,
  job: SetupJob,
  room: SharedSetups,
  ports: SetupPorts,
  emit: Emit,
): Promise<SetUp> {
  const desk = await openDesk(plan, job, room, ports, emit);
  const { key, work } = desk;
  const isAsked = plan.locks.length === 0;
  if (!isAsked && work.egress === undefined && (await room.cache.get(key)) === undefined) {
    const detail = `${plan.locks.join(', ')}: no network is allowed for ${plan.run.join('; ')}`;
    await emitEnd(desk, { status: 'skipped', cache: 'none', detail, ms: 0 });
    return { ...NOTHING, note: skippedNote(plan) };
  }
  const { entry } = await obtain(desk);
  const { tops } = entry;
  if (tops.length > 0) await writeExcludes(job.of.git, excludeLines(tops));
  const lay = laying(desk, entry);
  return {
    note: readyNote(entry),
    commands: plan.run,
    tops,
    lay,
    furnish: async (box) => {
      await lay(box);
      if (tops.length > 0) await writeExcludes(join(box, 'work', '.git'), excludeLines(tops));
    },
    release: () => room.cache.release(key),
  };
}

async function openDesk(
  plan: SetupPlan,
  job: SetupJob,
  room: SharedSetups,
  ports: SetupPorts,
  emit: Emit,
): Promise<Desk> {
  const { run, signal } = job;
  const { mirrors, secrets = [] } = room.settings;
  const environment = environmentText(mirrors);
  const base = { run: run.id, root: job.root, git: job.of.git, signal };
  const [toolchain, seen] = await Promise.all([
    room.toolchain(() => readToolchain(base, ports, emit)),
    seenTree(plan, job.of),
  ]);
  const facts = { commands: plan.run, team: run.team, toolchain, ...seen };
  const text = canonicalJson({ format: KEY_FORMAT, environment, ...facts });
  const key = sha256(text).slice(HASH_START, HASH_START + KEY_LETTERS);
  const profile = ports.network?.(run);
  const egress =
    profile === undefined
      ? {}
      : { egress: { ...profile, secrets: profile.secrets.filter(({ name }) => secrets.includes(name)) } };
  const work: SetupWork = { ...base, ...egress, facts, environment };
  return { job, plan, work, key, room, ports, emit };
}

/** From the cache, or made now. */
async function obtain(desk: Desk): Promise<Obtained> {
  const { key, plan, job, room, work, ports, emit } = desk;
  const started = ports.clock.monotonic();
  const words = canonicalJson({ commands: plan.run, locks: plan.locks, tree: work.facts.tree, seen: work.facts.seen });
  await emit([
    {
      body: {
        type: 'setup_started',
        key,
        from: plan.locks.length === 0 ? 'request' : 'lock_files',
        planHash: sha256(words),
      },
      contents: [words],
    },
  ]);
  let output = '';
  const print = (text: string) => {
    output += text;
  };
  try {
    const obtained = await room.cache.obtain(key, () => makeSetup(work, print, ports, emit), job.signal);
    const { files, bytes } = obtained.entry;
    const ms = ports.clock.monotonic() - started;
    await emitEnd(desk, { status: 'ok', cache: obtained.cache, detail: '', ms, files, bytes }, output);
    return obtained;
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    const ms = ports.clock.monotonic() - started;
    await emitEnd(desk, { status: 'failed', cache: 'none', detail, ms }, output);
    throw error;
  }
}

async function emitEnd(
  { key, emit }: Desk,
  end: Pick<EventOf<'setup_finished'>, 'status' | 'cache' | 'detail' | 'ms'> & {
    readonly files?: number;
    readonly bytes?: number;
  },
  output = '',
): Promise<void> {
  const { files = 0, bytes = 0 } = end;
  await emit([
    { body: { type: 'setup_finished', key, ...end, files, bytes, outputHash: sha256(output) }, contents: [output] },
  ]);
}

/** One that is damaged is made anew, once for each copy. All copies that follow are of the new one. */
function laying(desk: Desk, first: SetupEntry): (box: string) => Promise<void> {
  const { cache } = desk.room;
  let entry = first;
  return async (box) => {
    try {
      await cache.lay(entry, box);
    } catch (error) {
      if (!(error instanceof CaissonError) || error.code !== 'setup_damaged') throw error;
      desk.ports.logger.warn('a kept set-up was damaged and is made anew', { key: desk.key, message: error.message });
      ({ entry } = await obtain(desk));
      cache.release(desk.key);
      await cache.lay(entry, box);
    }
  };
}
