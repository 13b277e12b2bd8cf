// Owns the putting of a house on the air: its application on an address, on a unix socket, or both.
import { createAbilities } from './backends/abilities.ts';
import { Server } from 'node:https';
import { systemClock } from './base/clock.ts';
import { CaissonError } from './base/errors.ts';
import { newId } from './base/ids.ts';
import type { OidcConfig } from './config/oidc.ts';
import { resolveSecret } from './config/secret.ts';
import type { ChatRequest } from './contracts/messages.ts';
import { buildApp } from './gateway/app.ts';
import { sweepUploads } from './gateway/api/uploads.ts';
import { listenOnAddress, listenOnSocket as listenOnPath } from './gateway/listen.ts';
import { mend } from './gateway/mend/mend.ts';
import type { GatewayPorts } from './gateway/ports.ts';
import { readTls, watchTls } from './gateway/tls.ts';
import type { House } from './house.ts';
import { LOCAL_OWNER } from './local-owner.ts';
import { latestProbes, saveProbe } from './store/probe-store.ts';
import { createResponseStore } from './store/response-store.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createTally, type Tally } from './telemetry/tally.ts';

export interface OnTheAir {
  close(): Promise<void>;
}

export interface Readiness {
  ready(): Promise<{ readonly ok: boolean; readonly reasons: readonly string[] }>;
}

/** The socket of a single user: whoever can open it is the owner of the machine. */
export async function listenOnSocket(house: House, readiness: Readiness = ALWAYS): Promise<OnTheAir> {
  const telemetry = createTelemetry(house);
  const app = buildApp(portsOf(house, readiness, telemetry, true));
  await listenOnPath(app, house.places.socket);
  return { close: () => closeAll(app, telemetry) };
}

export interface OnPort extends OnTheAir {
  /** As http://127.0.0.1:8484. */
  readonly address: string;
  /** Takes what the files of the certificate hold now. Never rejects: the log says how it went. */
  readonly reload: () => Promise<void>;
}

/** Everyone needs a key there. */
export async function listenOnPort(house: House, readiness: Readiness): Promise<OnPort> {
  const { host, port, tls } = house.config.server;
  const material = tls === undefined ? undefined : await readTls(tls, systemClock.now());
  const people = await peopleOf(house.config.auth?.oidc);
  const telemetry = createTelemetry(house);
  const ports = { ...portsOf(house, readiness, telemetry, false), ...people };
  await sweepUploads(ports);
  const app = buildApp(ports, material);
  const address = await listenOnAddress(app, host, port);
  const { server } = app;
  if (tls === undefined || !(server instanceof Server)) {
    const reload = async () => house.logger.info('there is no certificate to read again: the port speaks plain HTTP');
    return { address, reload, close: () => closeAll(app, telemetry) };
  }
  const watch = watchTls(server, tls, house.logger, { now: () => systemClock.now() });
  const close = async () => {
    watch.close();
    await closeAll(app, telemetry);
  };
  return { address: address.replace(/^http:/, 'https:'), reload: watch.reload, close };
}

/** Loaded only where it is configured. Throws where the `ca` or the secret is wrong. */
async function peopleOf(oidc: OidcConfig | undefined): Promise<Pick<GatewayPorts, 'people'>> {
  if (oidc === undefined) return {};
  const { roles, team, ca, clientSecret, ...rules } = oidc;
  const { createPeople } = await import('./accounts/people/people.ts');
  const { readSigners } = await import('./base/certificates.ts');
  const trust =
    ca === undefined ? {} : { ca: await readSigners({ file: ca, field: 'auth.oidc.ca' }, systemClock.now()) };
  const people = createPeople(
    {
      ...rules,
      ...trust,
      ...(clientSecret === undefined ? {} : { clientSecret: await resolveSecret(clientSecret) }),
      rolesClaim: roles.claim,
      roles: new Map(Object.entries(roles.values)),
      ...(team === undefined ? {} : { teamClaim: team.claim }),
      teams: new Map(Object.entries(team?.values ?? {})),
    },
    systemClock,
  );
  return { people };
}

const ALWAYS: Readiness = { ready: async () => ({ ok: true, reasons: [] }) };

const REPORT_MS = 2000;

interface Telemetry {
  readonly tally: Tally;
  readonly metrics: Metrics;
}

function createTelemetry({ journal, approvals, admission, router }: House): Telemetry {
  const tally = createTally({ journal });
  return {
    tally,
    metrics: createMetrics({
      tally,
      approvals,
      queues: () => admission.counts(),
      backends: () => router.states(),
      engines: () => router.reports(AbortSignal.timeout(REPORT_MS)),
    }),
  };
}

async function closeAll(app: { close(): Promise<unknown> }, { tally, metrics }: Telemetry): Promise<void> {
  await app.close();
  metrics.close();
  tally.close();
}

/** The house of a command ends with its own run: it must not take in another's. */
async function refuseMore(): Promise<never> {
  throw new CaissonError('data_dir_locked', 'a `caisson run` works on this data directory and takes in no other run', {
    hint: 'Wait until it has ended, start `caisson serve` to run several, or use another --data-dir.',
  });
}

/** A prompt is counted as it would be asked. */
function engineAbilities(router: House['router']) {
  const { countTokens, contextTokens, ...abilities } = createAbilities(router);
  const count = (chat: ChatRequest, signal: AbortSignal) =>
    countTokens({ ...chat, messages: mend(chat.messages).messages }, signal);
  return { ...abilities, countTokens: count, contextTokens };
}

/** Nothing where the configuration does not want it: clients are told then that nothing is stored. */
function storing({ config: { responses }, store }: House): Pick<GatewayPorts, 'responses'> {
  if (!responses.store) return {};
  return { responses: createResponseStore({ store, clock: systemClock, days: responses.days }) };
}

function portsOf(house: House, readiness: Readiness, { tally, metrics }: Telemetry, local: boolean): GatewayPorts {
  const { router, accounts, admission, runs, approvals, journal, notes, places, config, logger } = house;
  return {
    stream: router.stream,
    models: (signal) => router.models(signal),
    passing: (model) => router.passing(model),
    tellsTeams: config.backends.some((backend) => backend.type === 'openai' && backend.teamCaches === true),
    ...engineAbilities(router),
    ...storing(house),
    accounts,
    admission,
    backends: {
      states: () => router.states(),
      reports: (signal) => router.reports(signal),
      probes: () => latestProbes(house.store),
      keepProbe: (report) => saveProbe(house.store, report),
      drain: (name, drained) => router.drain(name, drained),
      reload: () => house.reloadBackends(),
    },
    probeSandbox: () => house.sandboxTest.again(),
    setups: house.rooms.setups,
    runs: house.host === 'service' ? runs : { ...runs, create: refuseMore },
    approvals,
    journal,
    progress: (run, listener) => notes.listen(run, listener),
    ready: () => readiness.ready(),
    metrics: () => metrics.text(),
    tally,
    uploadsDir: places.uploads,
    allowedHosts: config.server.allowedHosts,
    localOwner: local ? LOCAL_OWNER : undefined,
    limits: config.limits,
    clock: systemClock,
    logger,
    newId: (prefix) => newId(prefix, systemClock.now()),
  };
}
