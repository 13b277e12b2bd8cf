// A service whose keys have limits, on a store and a clock of the test's own, so that both can outlive it; and a model that obeys the test.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { createAccounts } from '../../../src/accounts/keys.ts';
import { createQuotas } from '../../../src/accounts/quotas.ts';
import { createUsageLog } from '../../../src/accounts/usage.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import type { KeyLimits, Role } from '../../../src/contracts/accounts.ts';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { createAdmission } from '../../../src/gateway/admission/admission.ts';
import { createEngines, type EngineSettings } from '../../../src/gateway/admission/engines.ts';
import type { GatewayPorts } from '../../../src/gateway/ports.ts';
import { openStore } from '../../../src/store/open.ts';
import { startService, type Wishes } from '../service.ts';

/** A noon, in the middle of a minute. */
export const NOON = Date.UTC(2026, 0, 31, 12, 0, 30);
export const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

export interface TestClock {
  now: number;
  monotonic: number;
}

export interface DoorWishes extends Wishes {
  readonly clock?: TestClock;
  /** Where the store lies; another service may have used it before. */
  readonly directory?: string;
}

/** A service with a door of its own. `stop` ends it as a restart would, and leaves the store. */
export async function startDoor(context: TestContext, wishes: DoorWishes = {}) {
  const directory = wishes.directory ?? (await makeDirectory(context));
  const clock = wishes.clock ?? { now: NOON, monotonic: 0 };
  const sense = { now: () => clock.now, monotonic: () => clock.monotonic };
  const store = await openStore({ dataDir: directory, faults: noFaults });
  const accounts = createAccounts({ store, clock: sense });
  const usage = createUsageLog({ store, clock: sense, logger: silentLogger });
  const engine: EngineSettings = { name: 'engine', models: [], ...wishes.engine };
  const engines = createEngines({
    engines: [engine],
    backendsOf: async () => [],
    queue: wishes.queue ?? { most: 256, waitMs: 60_000 },
    clock: sense,
  });
  const admission = createAdmission({ quotas: createQuotas({ store, clock: sense, usage }), usage, engines });
  const changes: Partial<GatewayPorts> = { accounts, admission, clock: sense, ...wishes.changes };
  const service = await startService(context, { ...wishes, changes });
  const stop = async () => {
    await service.app.close();
    await usage.close();
    await store.close();
  };
  context.after(stop);
  return {
    service,
    clock,
    directory,
    accounts,
    admission,
    stop,
    key: async (limits: KeyLimits, name = 'a', roles: readonly Role[] = ['client']) =>
      (await accounts.create({ name, team: 'red', roles, limits })).key,
  };
}

export type Door = Awaited<ReturnType<typeof startDoor>>;

async function makeDirectory(context: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-door-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export const USAGE: ModelEvent = { type: 'usage', promptTokens: 100, completionTokens: 20, cachedTokens: 60 };
export const ANSWER: readonly ModelEvent[] = [
  { type: 'text', text: 'hello' },
  USAGE,
  { type: 'finish', reason: 'stop' },
];

export interface Asked {
  readonly request: ChatRequest;
  readonly signal: AbortSignal;
  /** Lets the engine finish its answer. */
  readonly finish: () => void;
}

/** An engine that says one word to each request and then waits for the test, or for the client to leave. */
export function obedientModel() {
  const asked: Asked[] = [];
  const model = async function* model(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
    let finish = () => {};
    const told = new Promise<void>((resolve) => {
      finish = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    asked.push({ request, signal, finish });
    yield { type: 'text', text: 'hello' };
    await told;
    if (signal.aborted) yield { type: 'error', code: 'aborted', message: 'gone', retryable: true };
    else yield* ANSWER.slice(1);
  };
  return { asked, model };
}

/** Waits until it is so; the runner's limit ends a wait for what never comes. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
}
