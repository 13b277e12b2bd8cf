// Owns a real house in a place of its own for tests of whole runs, and the proof that nothing of it is left. Only replies are scripted.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createRehearsal } from '../../src/backends/rehearsal/backend.ts';
import { parseRehearsal } from '../../src/backends/rehearsal/script.ts';
import { type FaultPoint, noFaults } from '../../src/base/faults.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { loadConfig, type LoadedConfig } from '../../src/config/load.ts';
import type { FlagValue } from '../../src/config/sources.ts';
import type { Principal } from '../../src/contracts/accounts.ts';
import type { JournalVerdict } from '../../src/contracts/journal.ts';
import type { Backend } from '../../src/contracts/ports.ts';
import type { EventBody, EventOf, EventType, RunEvent } from '../../src/contracts/run-events.ts';
import type { RunRecord, RunRequest } from '../../src/contracts/runs.ts';
import { type House, openHouse } from '../../src/house.ts';
import { readJournalKey } from '../../src/journal/key.ts';
import { verifyJournal } from '../../src/journal/verify.ts';
import { placesOf } from '../../src/places.ts';
import { readEvents } from '../../src/runs/history.ts';
import { tailRun } from '../../src/runs/tail.ts';
import { commandLine, listProcesses } from '../../src/sandbox/processes.ts';
import { openStoreReadOnly } from '../../src/store/open.ts';
import { packRepository } from '../../src/workspace/pack.ts';
import { dedicatedUser } from '../sandbox/setup.ts';

export const OWNER: Principal = { id: 'tester', name: 'tester', team: 'tests', roles: ['admin'] };
export const REF = 'refs/heads/caisson/fix';

const run = promisify(execFile);
const GIT_ENV = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.invalid',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.invalid',
};

export interface TestHouse extends House {
  /** Packs the repository and starts a run on it. */
  start(repo: string, wish?: Partial<RunRequest>): Promise<RunRecord>;
  /** The same, and waits for the end. */
  work(repo: string, wish?: Partial<RunRequest>): Promise<RunRecord>;
  events(id: string): Promise<readonly RunEvent[]>;
  /** Waits for the first event of that type, or that meets the condition too. Fails when the run ends without it. */
  seen<Type extends EventType>(id: string, type: Type, is?: (body: EventOf<Type>) => boolean): Promise<EventOf<Type>>;
}

export interface HouseWishes {
  /** Text of the recorded conversation. */
  readonly script?: string;
  readonly backends?: readonly Backend[];
  readonly host?: 'service' | 'cli';
  readonly faults?: FaultPoint;
  readonly logger?: Logger;
}

/** A data directory that commands of a sandbox cannot see, removed after the test, and after `before`, with the boxes that belong to it. */
export async function makeDataDir(t: TestContext, before: () => Promise<void> = async () => {}): Promise<string> {
  const base = dedicatedUser() === undefined ? join(homedir(), '.cache') : '/var/lib';
  await mkdir(base, { recursive: true });
  const dataDir = await mkdtemp(join(base, 'caisson-whole-'));
  await chmod(dataDir, 0o711);
  t.after(async () => {
    await before();
    await removeDataDir(dataDir);
  });
  return dataDir;
}

export async function removeDataDir(dataDir: string): Promise<void> {
  const { runsRoot } = placesOf(await configOf(dataDir));
  await rm(dirname(runsRoot), { recursive: true, force: true });
  await rm(dataDir, { recursive: true, force: true });
}

/** Nothing of the machine's configuration counts. `settings`: `limits.run_steps` and its value. */
export function configOf(dataDir: string, settings: Readonly<Record<string, unknown>> = {}): Promise<LoadedConfig> {
  const flags: FlagValue[] = Object.entries({ data_dir: dataDir, ...settings }).map(([path, value]) => ({
    flag: `--${path}`,
    path,
    value,
  }));
  return loadConfig({
    flags,
    env: {},
    home: homedir(),
    cwd: dataDir,
    isRoot: process.getuid?.() === 0,
    systemFile: join(dataDir, 'no-system-file'),
    userFile: join(dataDir, 'no-user-file'),
  });
}

/** The caller closes it. */
export async function openAt(config: LoadedConfig, wishes: HouseWishes): Promise<TestHouse> {
  const { script, host = 'service', faults = noFaults, logger = silentLogger } = wishes;
  const recorded = script === undefined ? [] : [createRehearsal(parseRehearsal(script, 'test'), 'test')];
  const house = await openHouse(config, { host, faults, logger, backends: wishes.backends ?? recorded });
  const start: TestHouse['start'] = (repo, wish) => startRun(house, repo, wish);
  return {
    ...house,
    start,
    work: async (repo, wish) => house.runs.ended((await start(repo, wish)).id),
    events: (id) => readEvents(id, house),
    seen: (id, type, is) => waitFor(house, id, type, is),
  };
}

/** A house on a data directory of its own, closed after the test. */
export async function testHouse(
  t: TestContext,
  wishes: HouseWishes & { readonly settings?: Readonly<Record<string, unknown>> },
): Promise<TestHouse> {
  const opened: TestHouse[] = [];
  const dataDir = await makeDataDir(t, async () => opened[0]?.close('the test ended'));
  const house = await openAt(await configOf(dataDir, wishes.settings), wishes);
  opened.push(house);
  return house;
}

async function startRun(house: House, repo: string, wish: Partial<RunRequest> = {}): Promise<RunRecord> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-whole-'));
  try {
    const { limits } = house.config;
    const packed = await packRepository({ repo, bundle: join(folder, 'bundle'), limits });
    const { head, branch, headTree, tree } = packed;
    const project = await readProject(repo);
    const request = { task: 'Mend it.', model: '', checks: project, origin: { head, branch, headTree, tree }, ...wish };
    return await house.runs.create(request, packed.bundle, OWNER);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The checks of `.caisson.yaml`, as the command line sends them. */
async function readProject(projectDir: string): Promise<RunRequest['checks']> {
  const config = await loadConfig({
    flags: [],
    env: {},
    home: homedir(),
    cwd: projectDir,
    isRoot: false,
    systemFile: '/nonexistent/caisson.yaml',
    userFile: '/nonexistent/caisson.yaml',
    projectDir,
  });
  return [...config.checks];
}

async function waitFor<Type extends EventType>(
  house: House,
  id: string,
  type: Type,
  is: (body: EventOf<Type>) => boolean = () => true,
): Promise<EventOf<Type>> {
  const isWanted = (body: EventBody): body is EventOf<Type> => body.type === type && is(body as EventOf<Type>);
  const stop = new AbortController();
  try {
    for await (const { body } of tailRun(house.journal, id, 0, stop.signal)) if (isWanted(body)) return body;
  } finally {
    stop.abort();
  }
  throw new Error(`run ${id} ended without ${type}`);
}

/** A repository with one commit that holds these files. Removed after the test. */
export async function makeRepo(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const repo = await mkdtemp(join(tmpdir(), 'caisson-repo-'));
  t.after(() => rm(repo, { recursive: true, force: true }));
  await layRepo(repo, files);
  return repo;
}

export async function layRepo(repo: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(repo, path)), { recursive: true });
    await writeFile(join(repo, path), text);
  }
  await gitIn(repo, 'init', '--quiet', '--template=', '--initial-branch=main');
  await gitIn(repo, 'add', '--all');
  await gitIn(repo, 'commit', '--quiet', '--message', 'Start');
}

export async function gitIn(repo: string, ...argv: readonly string[]): Promise<string> {
  return (await run('git', ['-C', repo, ...argv], { env: GIT_ENV })).stdout;
}

export async function verdictOf(dataDir: string): Promise<JournalVerdict> {
  const store = await openStoreReadOnly(join(dataDir, 'caisson.db'));
  try {
    const key = await readJournalKey(join(dataDir, 'journal.key'));
    return await verifyJournal({ store, headFile: join(dataDir, 'journal.head'), key });
  } finally {
    await store.close();
  }
}

export interface Leftovers {
  readonly runs: readonly string[];
  readonly mounts: readonly string[];
  /** Command lines of processes that name a box of this house. */
  readonly processes: readonly string[];
}

export const NOTHING_LEFT: Leftovers = { runs: [], mounts: [], processes: [] };

/** What runs of this house have left on this machine. */
export async function leftoversOf(config: Pick<LoadedConfig, 'dataDir' | 'isRoot' | 'executor'>): Promise<Leftovers> {
  const { runsRoot } = placesOf(config);
  const [runs, mountinfo] = await Promise.all([
    readdir(runsRoot).catch(() => []),
    readFile('/proc/self/mountinfo', 'utf8'),
  ]);
  const processes = listProcesses()
    .filter(({ pid, state }) => pid !== process.pid && state !== 'Z')
    .map(({ pid }) => commandLine(pid).join(' '));
  return {
    runs,
    mounts: mountinfo.split('\n').filter((line) => line.includes(runsRoot)),
    processes: processes.filter((line) => line.includes(runsRoot)),
  };
}

/** A recorded conversation: one bash call after the other, then a claim to be done. */
export interface Turn {
  /** The first line of the last result begins with it; '' for any result. */
  readonly after?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> }[];
  readonly text?: string;
}

export const bash = (command: string, after?: string): Turn => ({
  ...(after === undefined ? {} : { after }),
  calls: [{ name: 'bash', arguments: { command } }],
});

export const finish = (after: string, summary = 'Done.'): Turn => ({
  after,
  calls: [{ name: 'finish', arguments: { summary, checked: 'all of it' } }],
});

/** The script as text: JSON is YAML. */
export function scriptOf(turns: readonly Turn[]): string {
  return JSON.stringify({
    name: 'whole',
    model: 'recorded',
    turns: turns.map(({ after, calls, text }) => ({
      ...(after === undefined ? {} : { expect: after === '' ? { pattern: '.' } : { status: after } }),
      reply: { ...(text === undefined ? {} : { text }), ...(calls === undefined ? {} : { calls }) },
    })),
  });
}
