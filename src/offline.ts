// Owns what the command line can do without a service: a house in this process, and the commands that need none.
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CaissonError } from './base/errors.ts';
import { noFaults } from './base/faults.ts';
import { jsonLogger } from './base/logger.ts';
import type { Overseer } from './cli/overseer.ts';
import type { LoadedConfig } from './config/load.ts';
import type { ProbeReport } from './contracts/executor.ts';
import type { JournalVerdict } from './contracts/journal.ts';
import type { Finding } from './diagnosis.ts';
import type { AppliedRef } from './contracts/workspace.ts';
import type { makeCompose as compose, makePlan as plan, ModelsReport } from './modelling.ts';
import type { probeEngines as probe } from './probing.ts';
import type { applyPatch } from './publish/apply.ts';
import type { fetchRepository } from './workspace/fetch.ts';
import type { WorkerThread } from './store/worker-port.ts';

/** Does the work in this process. Other terminals reach it on the socket of the data directory. */
export async function openOffline(config: LoadedConfig, thread?: WorkerThread): Promise<Overseer> {
  const logger = jsonLogger((line) => process.stderr.write(line), Date.now);
  const quiet = { ...logger, info: () => {} };
  const { layFoundation } = await import('./foundation.ts');
  // The thread of the store starts while the rest is loaded.
  const ready = thread === undefined ? {} : { thread };
  const foundation = layFoundation(config, { host: 'cli', faults: noFaults, ...ready });
  foundation.catch(() => {});
  try {
    const [{ createBackends }, { openHouse }, { localOverseer }] = await Promise.all([
      import('./engines.ts'),
      import('./house.ts'),
      import('./local-overseer.ts'),
    ]);
    const backends = await createBackends(config, { allowRecorded: true, logger: quiet });
    const house = await openHouse(config, { host: 'cli', backends, logger: quiet, faults: noFaults, foundation });
    return localOverseer(house);
  } catch (error) {
    await foundation.then(({ store }) => store.close()).catch(() => {});
    throw error;
  }
}

/** Is this machine fit for the work? */
export async function diagnose(config: LoadedConfig): Promise<readonly Finding[]> {
  return (await import('./diagnosis.ts')).diagnose(config);
}

/** What a test of the sandbox came to, as `diagnose` tells it. */
export async function sandboxFindings(report: ProbeReport): Promise<readonly Finding[]> {
  return (await import('./diagnosis.ts')).sandboxLines(report);
}

/** What the engines can do. Rejects with a coded error. */
export async function probeEngines(...asked: Parameters<typeof probe>): ReturnType<typeof probe> {
  return (await import('./probing.ts')).probeEngines(...asked);
}

/** Which models are served, and what is known of them. */
export async function reportModels(config: LoadedConfig): Promise<ModelsReport> {
  return (await import('./modelling.ts')).reportModels(config);
}

/** Which builds fit on which GPUs. Throws `usage`. */
export async function makePlan(...asked: Parameters<typeof plan>): ReturnType<typeof plan> {
  return (await import('./modelling.ts')).makePlan(...asked);
}

/** The text of docker-compose.gpu.yml. Throws `usage`. */
export async function makeCompose(...asked: Parameters<typeof compose>): Promise<string> {
  return (await import('./modelling.ts')).makeCompose(...asked);
}

/** One state of a repository on another host. */
export async function fetchRemote(...asked: Parameters<typeof fetchRepository>): ReturnType<typeof fetchRepository> {
  return (await import('./workspace/fetch.ts')).fetchRepository(...asked);
}

/** Makes the ref of a granted apply in the person's own repository. */
export async function applyGranted(order: Parameters<typeof applyPatch>[0]): Promise<AppliedRef> {
  return (await import('./publish/apply.ts')).applyPatch(order);
}

export interface VerifyOrder {
  readonly loaded?: LoadedConfig;
  /** A copy of the database, with head and key beside it unless they are named. */
  readonly file?: string;
  readonly head?: string;
  readonly key?: string;
}

/** Verifies the journal of this machine, or of a copied file. Changes neither. */
export async function verifyOffline(order: VerifyOrder): Promise<JournalVerdict> {
  const file = order.file ?? join(order.loaded?.dataDir ?? '', 'caisson.db');
  const info = await stat(file).catch((cause: unknown) => {
    throw new CaissonError('not_found', `there is no journal at ${file}`, {
      cause,
      hint: 'Give the data directory, or a copy of caisson.db.',
    });
  });
  if (!info.isFile())
    throw new CaissonError('not_found', `${file} is not a file`, { hint: 'Give a copy of caisson.db.' });
  const keyFile =
    order.key ??
    (order.file === undefined ? order.loaded?.journalKeyFile : undefined) ??
    join(dirname(file), 'journal.key');
  const [{ openStoreReadOnly }, { verifyJournal }, { readJournalKey }] = await Promise.all([
    import('./store/open.ts'),
    import('./journal/verify.ts'),
    import('./journal/key.ts'),
  ]);
  const store = await openStoreReadOnly(file);
  try {
    const headFile = order.head ?? join(dirname(file), 'journal.head');
    return await verifyJournal({ store, headFile, key: await readJournalKey(keyFile) });
  } finally {
    await store.close();
  }
}
