// A gateway that listens for real on a real store, journal, airlock and accounts. Scripted: the model's events, and the life of runs.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import type { SetupEntry } from '../../src/contracts/setups.ts';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { createAccounts } from '../../src/accounts/keys.ts';
import { createQuotas } from '../../src/accounts/quotas.ts';
import { createUsageLog } from '../../src/accounts/usage.ts';
import { createApprovals } from '../../src/approvals/approvals.ts';
import { systemClock } from '../../src/base/clock.ts';
import { noFaults } from '../../src/base/faults.ts';
import { newId } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { LogFields } from '../../src/base/logger.ts';
import { type Principal, type Role, ROLES } from '../../src/contracts/accounts.ts';
import type { ProbeReport as SandboxReport } from '../../src/contracts/executor.ts';
import type { ChatRequest } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import type { Backend, ModelInfo, ProgressNote } from '../../src/contracts/ports.ts';
import { createAdmission } from '../../src/gateway/admission/admission.ts';
import { createRouter } from '../../src/backends/router.ts';
import { createEngines, type EngineSettings } from '../../src/gateway/admission/engines.ts';
import { buildApp } from '../../src/gateway/app.ts';
import { listenOnAddress, listenOnSocket } from '../../src/gateway/listen.ts';
import type { GatewayPorts } from '../../src/gateway/ports.ts';
import { loadJournalKey } from '../../src/journal/key.ts';
import { openJournal } from '../../src/journal/journal.ts';
import { createLiveNotes } from '../../src/runs/notes.ts';
import { openStore } from '../../src/store/open.ts';
import { latestProbes, saveProbe } from '../../src/store/probe-store.ts';
import { createResponseStore } from '../../src/store/response-store.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { createTally } from '../../src/telemetry/tally.ts';
import { createStandInRuns, type StandInRuns } from './stand-in-runs.ts';

export const POLICY = 'sha256:policy';
/** What an attacked sandbox came to. */
export const SETUP: SetupEntry = {
  key: '0123456789abcdef0123456789abcdef',
  commands: ['npm ci'],
  team: 'tests',
  tree: '1'.repeat(40),
  seen: 2,
  toolchain: 'node 1 2',
  ms: 800,
  madeAt: 1,
  usedAt: 2,
  manifest: '2'.repeat(64),
  files: 3,
  bytes: 4,
  leftOut: 0,
  tops: ['node_modules'],
};

export const SANDBOX_REPORT: SandboxReport = {
  ok: true,
  checks: [{ name: 'no mount', ok: true, seen: 'not permitted' }],
  firejail: '0.9.72',
  kernel: '6.1',
  limits: { processes: 'hard' },
  startMs: 1,
  suite: 'sha256:suite',
};

export interface Service {
  readonly app: FastifyInstance;
  readonly folder: string;
  /** http://127.0.0.1:PORT, or '' on a unix socket. */
  readonly url: string;
  readonly port: number;
  readonly socket: string;
  readonly ports: GatewayPorts;
  readonly runs: StandInRuns;
  /** What the model was asked for, and the signals it was given. */
  readonly asked: { readonly request: ChatRequest; readonly signal: AbortSignal }[];
  readonly logged: { readonly message: string; readonly fields: LogFields }[];
  tell(run: string, note: ProgressNote): void;
  /** A key with these roles; the same name and team give the same key. */
  key(roles: readonly Role[], team?: string): Promise<string>;
}

export interface Wishes {
  /** The model's answer. */
  readonly model?: (request: ChatRequest, signal: AbortSignal) => AsyncIterable<ModelEvent>;
  readonly models?: readonly ModelInfo[];
  readonly changes?: Partial<GatewayPorts>;
  /** The engine that serves every model; else one that takes 64 requests at once. */
  readonly engine?: Partial<EngineSettings>;
  /** Of the line before it. */
  readonly queue?: { readonly most: number; readonly waitMs: number };
  readonly backends?: readonly Backend[];
  /** Answers of the Responses dialect are kept. */
  readonly stores?: boolean;
  /** Listen on a unix socket, whose clients are this principal. */
  readonly owner?: Principal;
}

export async function startService(context: TestContext, wishes: Wishes = {}): Promise<Service> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-gateway-'));
  const logged: { message: string; fields: LogFields }[] = [];
  const log = (message: string, fields: LogFields = {}) => logged.push({ message, fields });
  const store = await openStore({ dataDir: join(folder, 'data'), faults: noFaults });
  const key = await loadJournalKey(join(folder, 'data', 'journal.key'), store);
  const journal = await openJournal({ store, key, clock: systemClock, faults: noFaults });
  const approvals = createApprovals({ store, clock: systemClock, policyHash: () => POLICY });
  const accounts = createAccounts({ store, clock: systemClock });
  const runs = createStandInRuns({ store, journal });
  const notes = createLiveNotes();
  const tally = createTally({ journal });
  const logger = { info: log, warn: log, error: log };
  const usage = createUsageLog({ store, clock: systemClock, logger });
  const admission = createAdmission({
    quotas: createQuotas({ store, clock: systemClock, usage }),
    usage,
    engines: createEngines({
      engines: [{ name: 'engine', models: [], maxConcurrent: 64, gpus: 1, ...wishes.engine }],
      backendsOf: async () => [],
      queue: wishes.queue ?? { most: 256, waitMs: 60_000 },
      clock: systemClock,
    }),
  });
  const metrics = createMetrics({ tally, approvals, queues: () => admission.counts() });
  const uploadsDir = join(folder, 'uploads');
  const router = createRouter(wishes.backends ?? []);
  await mkdir(uploadsDir);
  const asked: { request: ChatRequest; signal: AbortSignal }[] = [];
  const ports: GatewayPorts = {
    stream: (request, signal) => {
      asked.push({ request, signal });
      return (wishes.model ?? silentModel)(request, signal);
    },
    models: async () => wishes.models ?? [],
    accounts,
    admission,
    backends: {
      states: () => router.states(),
      reports: (signal) => router.reports(signal),
      probes: () => latestProbes(store),
      keepProbe: (report) => saveProbe(store, report),
      drain: (name, drained) => router.drain(name, drained),
      reload: async () => router.states(),
    },
    setups: { list: async () => [SETUP], get: async () => SETUP, drop: async () => SETUP },
    probeSandbox: async () => SANDBOX_REPORT,
    runs,
    approvals,
    journal,
    progress: (run, listener) => notes.listen(run, listener),
    ready: async () => ({ ok: true, reasons: [] }),
    metrics: () => metrics.text(),
    tally,
    uploadsDir,
    allowedHosts: ['127.0.0.1', 'localhost', '::1'],
    localOwner: wishes.owner,
    limits: LIMITS,
    clock: systemClock,
    logger,
    newId: (prefix) => newId(prefix, Date.now()),
    ...(wishes.stores === true ? { responses: createResponseStore({ store, clock: systemClock }) } : {}),
    ...wishes.changes,
  };
  const app = buildApp(ports);
  const socket = join(folder, 'sock');
  if (wishes.owner === undefined) await listenOnAddress(app, '127.0.0.1', 0);
  else await listenOnSocket(app, socket);
  const port = wishes.owner === undefined ? (app.server.address() as AddressInfo).port : 0;
  const keys = new Map<string, string>();
  context.after(async () => {
    await app.close();
    metrics.close();
    tally.close();
    approvals.close();
    await usage.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    app,
    folder,
    url: port === 0 ? '' : `http://127.0.0.1:${port}`,
    port,
    socket,
    ports,
    runs,
    asked,
    logged,
    tell: (run, note) => notes.tell(run, note),
    key: async (roles, team = 'red') => {
      const name = `${team} ${roles.join(' ')}`;
      const made = keys.get(name) ?? (await accounts.create({ name, team, roles })).key;
      keys.set(name, made);
      return made;
    },
  };
}

export const EVERY_ROLE: readonly Role[] = ROLES;

async function* silentModel(): AsyncGenerator<ModelEvent> {
  yield { type: 'error', code: 'model_not_found', message: 'no model is scripted here', retryable: false };
}

/** A model that says these events and then ends. */
export function says(...events: readonly ModelEvent[]) {
  return async function* model(): AsyncGenerator<ModelEvent> {
    yield* events;
  };
}
