// Owns the overseer of a house in this process: the same questions as over HTTP, asked directly.
import { systemClock } from './base/clock.ts';
import { CaissonError } from './base/errors.ts';
import type { Overseer, Seen } from './cli/overseer.ts';
import type { KeyChange, KeyRecord, KeyRotation, MadeKey } from './contracts/accounts.ts';
import type { ProgressNote } from './contracts/ports.ts';
import { SERVICE_CHAIN } from './contracts/run-events.ts';
import type { House } from './house.ts';
import { LOCAL_OWNER } from './local-owner.ts';
import { tailRun } from './runs/tail.ts';
import { serveSocketSoon } from './socket-service.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export function localOverseer(house: House): Overseer {
  const { runs, approvals, accounts, journal, router } = house;
  const socket = serveSocketSoon(house);
  const known = async (id: string) => (await runs.get(id)) ?? missing(`there is no run ${id}`);
  return {
    kind: 'local',
    createRun: async (request, bundle) => {
      const run = await runs.create(request, bundle, LOCAL_OWNER);
      socket.soon();
      return run;
    },
    run: known,
    runs: (limit) => runs.list({ limit }),
    cancel: (id) => runs.cancel(id, LOCAL_OWNER.name),
    message: (id, text) => runs.message(id, text, LOCAL_OWNER.name),
    watch: (id, after, signal) => watch(house, id, after, signal),
    content: (_id, hash) => journal.content(hash),
    checks: (id) => runs.checks(id),
    diff: async (id) => (await runs.patch(id))?.text,
    ...stepsOf(house, () => socket.soon()),
    apply: async (id, wish) => {
      const answer = await runs.apply(id, wish, LOCAL_OWNER);
      if (answer.state === 'waiting') socket.now();
      return answer;
    },
    applied: (id, result) => runs.applied(id, result),
    questions: (all) => approvals.list(all ? {} : { state: 'waiting' }),
    question: async (id) => {
      const [record, shown] = await Promise.all([approvals.get(id), approvals.shownText(id)]);
      return record === undefined || shown === undefined ? missing(`there is no question ${id}`) : { record, shown };
    },
    answer: (id, answer) => approvals.answer(id, { ...answer, by: LOCAL_OWNER.name }),
    halt: (note) => runs.halt(LOCAL_OWNER.name, note),
    release: () => runs.release(LOCAL_OWNER.name),
    createKey: async (request) => recordMade(await accounts.create(request), house),
    rotateKey: (id, rotation) => rotateKey(id, rotation, house),
    changeKey: (id, change) => changeKey(id, change, house),
    keys: () => accounts.list(),
    revokeKey: async (id) => {
      const record = (await accounts.revoke(id)) ?? missing(`there is no key ${id}`);
      await journal.append([{ chain: SERVICE_CHAIN, body: { type: 'key_revoked', key: id, by: LOCAL_OWNER.name } }]);
      return record;
    },
    backends: async () => router.states(),
    drainBackend: async (name, drained) => router.drain(name, drained) ?? missing(`there is no backend ${name}`),
    reloadBackends: house.reloadBackends,
    keepProbe: async (report) => (await import('./store/probe-store.ts')).saveProbe(house.store, report),
    setups: house.rooms.setups,
    probeSandbox: () => house.sandboxTest.again(),
    usage: ({ by, from, to }) => {
      const now = systemClock.now();
      return house.usage.report({ by, from: from ?? now - (now % DAY_MS), to: to ?? now + MINUTE_MS });
    },
    close: async () => {
      await socket.close();
      await (await import('./collecting.ts')).collectOnce(house);
      await house.close('the command ended');
    },
  };
}

function stepsOf({ runs }: House, onStart: () => void): Pick<Overseer, 'snapshots' | 'diffSteps' | 'rewind' | 'hold'> {
  return {
    hold: (id, held) => runs.hold(id, held, LOCAL_OWNER.name),
    snapshots: (id) => runs.snapshots(id),
    diffSteps: (id, steps) => runs.diffSteps(id, steps),
    rewind: async (id, wish) => {
      const run = await runs.rewind(id, wish, LOCAL_OWNER);
      onStart();
      return run;
    },
  };
}

async function recordMade(made: MadeKey, { journal }: House): Promise<MadeKey> {
  const { id: key, name, roles } = made.record;
  await journal.append([
    { chain: SERVICE_CHAIN, body: { type: 'key_created', key, name, roles: [...roles], by: LOCAL_OWNER.name } },
  ]);
  return made;
}

async function rotateKey(of: string, rotation: KeyRotation, { accounts, journal }: House): Promise<MadeKey> {
  const made = (await accounts.rotate(of, rotation)) ?? missing(`there is no key ${of}`);
  const { overlapMs } = rotation;
  const body = { type: 'key_rotated', key: made.record.id, of, overlapMs, by: LOCAL_OWNER.name } as const;
  await journal.append([{ chain: SERVICE_CHAIN, body }]);
  return made;
}

async function changeKey(key: string, change: KeyChange, { accounts, journal }: House): Promise<KeyRecord> {
  const { record, changes } = (await accounts.change(key, change)) ?? missing(`there is no key ${key}`);
  const body = { type: 'key_changed', key, changes, by: LOCAL_OWNER.name } as const;
  if (changes.length > 0) await journal.append([{ chain: SERVICE_CHAIN, body }]);
  return record;
}

/** Stored and live events in one line, with the notes between them. */
async function* watch(house: House, id: string, after: number, signal: AbortSignal): AsyncGenerator<Seen> {
  if ((await house.runs.get(id)) === undefined) missing(`there is no run ${id}`);
  const notes: ProgressNote[] = [];
  const stop = house.notes.listen(id, (note) => notes.push(note));
  try {
    for await (const event of tailRun(house.journal, id, after, signal)) {
      for (const note of notes.splice(0)) yield { kind: 'note', note };
      yield { kind: 'event', event };
    }
  } finally {
    stop();
  }
}

function missing(message: string): never {
  throw new CaissonError('not_found', message);
}
