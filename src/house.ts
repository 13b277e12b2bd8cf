// Owns the one place where ports meet implementations, for the service and for commands that do the work themselves.
import { rgPath } from '@vscode/ripgrep';
import { type Accounts, createAccounts } from './accounts/keys.ts';
import { createUsageLog, type UsageLog } from './accounts/usage.ts';
import { createApprovals, type OpenApprovals } from './approvals/approvals.ts';
import { createRouter, type Router } from './backends/router.ts';
import { systemClock } from './base/clock.ts';
import type { FaultPoint } from './base/faults.ts';
import type { Logger } from './base/logger.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Executor } from './contracts/executor.ts';
import type { Backend } from './contracts/ports.ts';
import { SERVICE_CHAIN } from './contracts/run-events.ts';
import { type Door, type LoadedBackends, makeDoor } from './door.ts';
import type { Admission } from './gateway/admission/admission.ts';
import { watchedJournal } from './leak-watch.ts';
import { loadJournalKey } from './journal/key.ts';
import { type OpenJournal, openJournal } from './journal/journal.ts';
import { maskedExecutor, maskedJournal, maskedLogger } from './masking.ts';
import { anyPathGlob } from './policy/glob.ts';
import { type HousePolicy, loadPolicyOf } from './policy-file.ts';
import { withAliases } from './models/aliased.ts';
import { createLiveNotes, type LiveNotes } from './runs/notes.ts';
import type { RunsPorts } from './runs/ports.ts';
import { recover } from './runs/recover.ts';
import { createRuns, type Runs } from './runs/service.ts';
import { type OpenExecutor, openExecutor } from './executors.ts';
import { type Foundation, layFoundation } from './foundation.ts';
import { type Places, placesOf } from './places.ts';
import type { Store } from './store/open.ts';
import type { WorkerThread } from './store/worker-port.ts';
import { createRunStore } from './store/run-store.ts';
import { wasHalted } from './halted.ts';
import { type LateRooms, lateRooms, networksOf } from './rooms.ts';
import { createSandboxTest, handshakeOnly, type SandboxTest, type SelfTest } from './self-test.ts';
import { VERSION } from './version.ts';

export interface House {
  readonly host: HouseOptions['host'];
  readonly config: LoadedConfig;
  readonly places: Places;
  readonly store: Store;
  readonly journal: OpenJournal;
  readonly approvals: OpenApprovals;
  readonly accounts: Accounts;
  readonly usage: UsageLog;
  readonly admission: Admission;
  readonly executor: Executor;
  readonly router: Router;
  readonly reloadBackends: Door['reloadBackends'];
  readonly runs: Runs;
  readonly rooms: LateRooms;
  readonly notes: LiveNotes;
  readonly logger: Logger;
  readonly selfTest: SelfTest;
  readonly sandboxTest: SandboxTest;
  /** Stops the work and closes everything. `reason`: for the journal. Safe to call twice. */
  close(reason: string): Promise<void>;
}

export interface HouseOptions {
  readonly host: 'service' | 'cli';
  readonly backends: readonly Backend[];
  /** The list as the configuration has it now; absent: it does not change. */
  readonly loadBackends?: () => Promise<LoadedBackends>;
  readonly logger: Logger;
  readonly faults: FaultPoint;
  /** Already on its way; absent: it is laid now. */
  readonly foundation?: Promise<Foundation>;
  /** The thread for the store, started already. */
  readonly thread?: WorkerThread;
}

/** Opens the data directory, ends or takes up what an earlier process left, and is ready to work. Rejects with a coded error. */
export async function openHouse(config: LoadedConfig, options: HouseOptions): Promise<House> {
  const { host, faults } = options;
  const policy = loadPolicyOf(config);
  const laid = options.foundation ?? layFoundation(config, options);
  // The directories are there already; the store is still on its way.
  const opening = openExecutor(config, placesOf(config), { node: process.execPath, rg: rgPath }, options.logger);
  opening.catch(() => {});
  const { places, store, mask } = await laid.catch(async (error: unknown) => {
    await opening.then(({ port }) => port.dispose()).catch(() => {});
    throw error;
  });
  const logger = maskedLogger(options.logger, mask);
  let executor: OpenExecutor | undefined;
  try {
    executor = maskedExecutor(await opening, mask);
    const key = await loadJournalKey(config.journalKeyFile, store);
    const journal = watchedJournal(maskedJournal(await openJournal({ store, key, clock: systemClock, faults }), mask));
    const { approvalMs } = config.limits;
    const approvals = createApprovals({ store, clock: systemClock, policyHash: () => policy.hash, approvalMs });
    const router = withAliases(
      createRouter(await fitBackends(config.backends, options, store), {
        fallbackOf: (model) => config.fallbackModels[model],
      }),
      config.models.aliases,
    );
    const notes = createLiveNotes();
    const rooms = { ...lateRooms(config, places), ...(await networksOf(config, policy, key)) };
    const sandboxTest = createSandboxTest({ executor: executor.port, journal, logger });
    const selfTest = host === 'service' ? sandboxTest.test : handshakeOnly;
    const usage = createUsageLog({ store, clock: systemClock, logger });
    const { admission, reloadBackends } = makeDoor(config, { store, usage, router }, loadFit(options, store));
    const shared = { host, config, places, store, journal, approvals, router, notes, logger, selfTest, sandboxTest };
    const base = { ...shared, rooms, usage, admission, reloadBackends };
    const ports = runsPorts(base, executor, policy, {
      ...options,
      selfTest,
      startHalted: await wasHalted(store),
    });
    const runs = createRuns(ports);
    await journal.append([
      {
        chain: SERVICE_CHAIN,
        body: { type: 'service_started', version: VERSION, host, policyHash: policy.hash },
        contents: [policy.text],
      },
    ]);
    await recover(runs, ports, host === 'service' ? 'resume' : 'end');
    const accounts = createAccounts({ store, clock: systemClock });
    const house = { ...base, accounts, executor: executor.port, runs };
    return { ...house, close: closing(house) };
  } catch (error) {
    await executor?.port.dispose();
    await store.close();
    throw error;
  }
}

/** Read from the store only where a probe counts. */
async function fitBackends(
  settings: LoadedConfig['backends'],
  { backends, logger }: Pick<HouseOptions, 'backends' | 'logger'>,
  store: Store,
): Promise<readonly Backend[]> {
  if (settings.every(({ minimumScore }) => minimumScore === undefined)) return backends;
  return (await import('./probing.ts')).withoutUnfit(backends, settings, { store, logger });
}

function loadFit({ loadBackends, logger }: HouseOptions, store: Store): HouseOptions['loadBackends'] {
  if (loadBackends === undefined) return undefined;
  return async () => {
    const { settings, backends } = await loadBackends();
    return { settings, backends: await fitBackends(settings, { backends, logger }, store) };
  };
}

function runsPorts(
  house: Omit<House, 'accounts' | 'executor' | 'runs' | 'selfTest' | 'host' | 'close'>,
  executor: OpenExecutor,
  policy: HousePolicy,
  options: Pick<HouseOptions, 'host' | 'faults'> & { readonly startHalted: boolean; readonly selfTest: SelfTest },
): RunsPorts {
  const { config, router, notes } = house;
  return {
    journal: house.journal,
    runStore: createRunStore(house.store),
    approvals: house.approvals,
    executor: executor.port,
    ...house.rooms,
    streamFor: (run) => house.admission.forRuns(router.stream, async () => run),
    findModel: (wish) => router.findModel(wish),
    decide: policy.decide,
    offers: policy.offers,
    policyHash: () => policy.hash,
    clock: systemClock,
    limits: config.limits,
    sandboxLimits: config.sandbox,
    logger: house.logger,
    faults: options.faults,
    runsRoot: house.places.runsRoot,
    keptRoot: house.places.keptRoot,
    isProtected: anyPathGlob(config.workspace.protected),
    workPath: executor.workPath,
    ...(executor.owner === undefined ? {} : { owner: executor.owner }),
    host: options.host,
    startHalted: options.startHalted,
    selfTest: options.selfTest,
    progress: (run, note) => notes.tell(run, note),
  };
}

function closing(house: Omit<House, 'close'>): House['close'] {
  let closed: Promise<void> | undefined;
  const close = async (reason: string) => {
    await house.runs.shutdown();
    // A self-test that is cut off in the middle would look like one that failed.
    await house.selfTest().catch(() => undefined);
    await house.executor.dispose();
    house.approvals.close();
    await house.journal.append([{ chain: SERVICE_CHAIN, body: { type: 'service_stopped', reason } }]);
    await house.usage.close();
    await house.store.close();
  };
  return (reason) => (closed ??= close(reason));
}
