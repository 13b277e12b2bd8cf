// Owns the composition of the service: opens the house, tests the sandbox, listens, and stops in order.
import { CaissonError, formatError } from './base/errors.ts';
import { noFaults } from './base/faults.ts';
import { jsonLogger } from './base/logger.ts';
import { parseWords } from './cli/cli.ts';
import { type FlagKind, textFlag } from './cli/context.ts';
import { helpFor } from './cli/help.ts';
import { createBackends } from './engines.ts';
import { configOf } from './entry-config.ts';
import { type House, openHouse } from './house.ts';
import { testEachDay } from './nightly.ts';
import type { WorkerThread } from './store/worker-port.ts';
import { listenOnPort, listenOnSocket, type OnTheAir, type Readiness } from './serving.ts';

const FLAGS = {
  host: { type: 'string', value: 'HOST', help: 'address to listen on (127.0.0.1)' },
  port: { type: 'string', value: 'PORT', help: 'port to listen on (8484); 0: any' },
} as const satisfies Readonly<Record<string, FlagKind>>;
const SERVE = {
  usage: '',
  summary: 'the service: gateway, runs, approvals',
  flags: FLAGS,
  positionals: [0, 0],
} as const;
const ASK_MS = 3000;

export interface Signals {
  readonly stop: AbortSignal;
  /** Tells `hangup` whenever the files of the certificate are to be read again. */
  readonly hangup: EventTarget;
}

/** Serves until it is stopped. Prints one line with its address when it is ready. */
export async function serve(words: readonly string[], signals: Signals, thread?: WorkerThread): Promise<void> {
  try {
    const { flags } = parseWords('serve', SERVE, words);
    if (flags['help'] === true) process.stdout.write(`${helpFor('serve', SERVE)}\n`);
    else await run(flags, signals, thread);
  } catch (error) {
    process.stderr.write(`caisson serve: ${formatError(error)}\n`);
    process.exitCode = error instanceof CaissonError && error.code === 'usage' ? 2 : 1;
  }
}

async function run(flags: Parameters<typeof configOf>[0], signals: Signals, thread?: WorkerThread): Promise<void> {
  const config = await configOf(flags, undefined);
  const { host, port } = config.server;
  const listen = { host: textFlag(flags, 'host') ?? host, port: portOf(textFlag(flags, 'port')) ?? port };
  const logger = jsonLogger((line) => process.stderr.write(line), Date.now, config.logLevel);
  const backends = await createBackends(config, { allowRecorded: false, logger });
  const settled = { ...config, server: { ...config.server, ...listen } };
  const house = await openHouse(settled, {
    host: 'service',
    backends,
    loadBackends: async () => {
      const fresh = await configOf(flags, undefined);
      const made = await createBackends(fresh, { allowRecorded: false, logger });
      return { settings: fresh.backends, backends: made };
    },
    logger,
    faults: noFaults,
    ...(thread === undefined ? {} : { thread }),
  });
  const onTheAir: OnTheAir[] = [];
  try {
    const readiness = watchReadiness(house);
    const { collectHourly } = await import('./collecting.ts');
    const stopCollecting = collectHourly(house);
    onTheAir.push({ close: async () => stopCollecting() });
    const unwatch = house.router.watch();
    if (settled.server.socket && settled.server.singleUser) onTheAir.push(await listenOnSocket(house, readiness));
    const http = await listenOnPort(house, readiness);
    onTheAir.push(http);
    signals.hangup.addEventListener('hangup', () => void http.reload());
    signals.hangup.addEventListener('hangup', () => void rereadBackends(house));
    onTheAir.push({ close: async () => unwatch() });
    const { probeAt } = settled.confinement;
    if (probeAt !== undefined) {
      const nightly = testEachDay(probeAt, { test: house.sandboxTest, logger });
      onTheAir.push({ close: async () => nightly.close() });
    }
    process.stdout.write(`caisson serves at ${http.address}\n`);
    void remarkOnModels(house);
    await aborted(signals.stop);
  } finally {
    await house.runs.shutdown();
    await Promise.all(onTheAir.map((one) => one.close()));
    await house.close('stopped');
  }
}

/** Said once, and only as a warning: what is right keeps serving. */
async function remarkOnModels({ config, logger }: House): Promise<void> {
  try {
    const { remarksOnModels } = await import('./modelling.ts');
    for (const remark of await remarksOnModels(config)) logger.warn('models', { remark });
    const { remarksOnEngines } = await import('./engine-check.ts');
    for (const remark of await remarksOnEngines(config)) logger.warn('engines', { remark });
  } catch (error) {
    logger.warn('models', { remark: formatError(error) });
  }
}

async function rereadBackends({ reloadBackends, logger }: House): Promise<void> {
  try {
    const states = await reloadBackends();
    logger.info('the list of backends was read again', { backends: states.map(({ name }) => name).join(', ') });
  } catch (error) {
    logger.error('the list of backends stays as it was', { reason: formatError(error) });
  }
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new CaissonError('usage', `--port ${text}: give a number from 0 to 65535`);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** The self-test runs while the service already listens; until it has passed, the service says that it is not ready. */
function watchReadiness(house: House): Readiness {
  let untested: string | undefined;
  house.selfTest().catch((error: unknown) => (untested = `the sandbox could not be tested: ${formatError(error)}`));
  return {
    ready: async () => {
      const problem = untested ?? house.sandboxTest.problem();
      const reasons = problem === undefined ? [] : [problem];
      if (house.runs.halted()) reasons.push('Caisson is halted');
      if ((await house.router.models(AbortSignal.timeout(ASK_MS))).length === 0) reasons.push('no backend answers');
      return { ok: reasons.length === 0, reasons };
    },
  };
}
