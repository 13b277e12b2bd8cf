// Owns the same questions asked of a service over HTTP, on a unix socket or an address. Knows no table and no run.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { KeyRecord, MadeKey, UsageLine } from '../contracts/accounts.ts';
import type { ProbeReport as SandboxReport } from '../contracts/executor.ts';
import type { QuestionRecord } from '../contracts/decisions.ts';
import type { BackendState, ProgressNote } from '../contracts/ports.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { ApplyAnswer, StepSnapshot } from '../contracts/run-service.ts';
import type { CheckOutcome, RunRecord } from '../contracts/runs.ts';
import type { SetupEntry, Setups } from '../contracts/setups.ts';
import { CaissonError } from '../base/errors.ts';
import { type Caller, createCaller, type Place } from './http-call.ts';
import type { Overseer, Seen } from './overseer.ts';
import { readEventStream } from './sse.ts';

const RETRY_MS = 500;
const TRIES = 20;

/** `place` was reached before; every later failure is a coded error. */
export function createHttpOverseer(place: Place): Overseer {
  const call = createCaller(place);
  return {
    kind: 'service',
    createRun: async (request, bundle) => {
      const { size } = await stat(bundle);
      const stored = await call.send<{ bundle: string }>('POST', '/api/v1/bundles', {
        stream: createReadStream(bundle),
        bytes: size,
      });
      return call.json<RunRecord>('POST', '/api/v1/runs', { ...request, bundle: stored.bundle });
    },
    run: (id) => call.json<RunRecord>('GET', `/api/v1/runs/${id}`),
    runs: async (limit) => (await call.json<{ runs: RunRecord[] }>('GET', `/api/v1/runs?limit=${limit}`)).runs,
    cancel: (id) => call.json<RunRecord>('POST', `/api/v1/runs/${id}/cancel`, {}),
    message: async (id, text) => {
      await call.json('POST', `/api/v1/runs/${id}/message`, { text });
    },
    watch: (id, after, signal) => watch(call, id, after, signal),
    content: (id, hash) => orUndefined(call.text('GET', `/api/v1/runs/${id}/contents/${encodeURIComponent(hash)}`)),
    checks: async (id) => (await call.json<{ checks: CheckOutcome[] }>('GET', `/api/v1/runs/${id}/checks`)).checks,
    ...probesOf(call),
    ...stepsOf(call),
    setups: setupsOf(call),
    apply: (id, wish) => call.json<ApplyAnswer>('POST', `/api/v1/runs/${id}/apply`, wish),
    applied: async (id, result) => {
      await call.json('POST', `/api/v1/runs/${id}/applied`, result);
    },
    questions: async (all) => {
      const filter = all ? '' : '?state=waiting';
      return (await call.json<{ approvals: QuestionRecord[] }>('GET', `/api/v1/approvals${filter}`)).approvals;
    },
    question: (id) => call.json<{ record: QuestionRecord; shown: string }>('GET', `/api/v1/approvals/${id}`),
    answer: (id, answer) => call.json<QuestionRecord>('POST', `/api/v1/approvals/${id}`, answer),
    halt: (note) => call.json<{ cancelled: number; revoked: number }>('POST', '/api/v1/halt', { note }),
    release: async () => {
      await call.json('POST', '/api/v1/release', {});
    },
    createKey: (request) => call.json<MadeKey>('POST', '/api/v1/keys', request),
    rotateKey: (id, rotation) => call.json<MadeKey>('POST', `/api/v1/keys/${id}/rotate`, rotation),
    changeKey: (id, change) => call.json<KeyRecord>('PATCH', `/api/v1/keys/${id}`, change),
    keys: async () => (await call.json<{ keys: KeyRecord[] }>('GET', '/api/v1/keys')).keys,
    revokeKey: (id) => call.json<KeyRecord>('POST', `/api/v1/keys/${id}/revoke`, {}),
    backends: async () => (await call.json<{ backends: BackendState[] }>('GET', '/api/v1/backends')).backends,
    drainBackend: (name, drained) =>
      call.json<BackendState>(
        'POST',
        `/api/v1/backends/${encodeURIComponent(name)}/${drained ? 'drain' : 'resume'}`,
        {},
      ),
    reloadBackends: async () =>
      (await call.json<{ backends: BackendState[] }>('POST', '/api/v1/backends/reload', {})).backends,
    usage: async (wish) => {
      const query = Object.entries(wish).map(([name, value]) => `${name}=${value}`);
      return (await call.json<{ usage: UsageLine[] }>('GET', `/api/v1/usage?${query.join('&')}`)).usage;
    },
    close: async () => {},
  };
}

function probesOf(call: Caller): Pick<Overseer, 'keepProbe' | 'probeSandbox'> {
  return {
    keepProbe: async (report) => {
      await call.json('POST', '/api/v1/probes', report);
    },
    probeSandbox: () => call.json<SandboxReport>('POST', '/api/v1/sandbox/probe', {}),
  };
}

function setupsOf(call: Caller): Setups {
  const path = (key: string) => `/api/v1/setups/${encodeURIComponent(key)}`;
  return {
    list: async () => (await call.json<{ setups: SetupEntry[] }>('GET', '/api/v1/setups')).setups,
    get: (key) => call.json<SetupEntry>('GET', path(key)),
    drop: (key) => call.json<SetupEntry>('POST', `${path(key)}/drop`, {}),
  };
}

function stepsOf(call: Caller): Pick<Overseer, 'diff' | 'snapshots' | 'diffSteps' | 'rewind' | 'hold'> {
  return {
    hold: async (id, held) => {
      await call.json('POST', `/api/v1/runs/${id}/hold`, { held });
    },
    diff: (id) => orUndefined(call.text('GET', `/api/v1/runs/${id}/diff`)),
    snapshots: async (id) =>
      (await call.json<{ snapshots: StepSnapshot[] }>('GET', `/api/v1/runs/${id}/snapshots`)).snapshots,
    diffSteps: (id, { from, to }) =>
      call.text('GET', `/api/v1/runs/${id}/diff?from=${from}${to === undefined ? '' : `&to=${to}`}`),
    rewind: (id, wish) => call.json<RunRecord>('POST', `/api/v1/runs/${id}/rewind`, wish),
  };
}

async function orUndefined(answer: Promise<string>): Promise<string | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof CaissonError && (error.code === 'not_found' || error.code === 'run_without_patch'))
      return undefined;
    throw error;
  }
}

/** Follows the stream; after a lost connection it goes on behind the last event it has seen. */
async function* watch(call: Caller, id: string, after: number, signal: AbortSignal): AsyncGenerator<Seen> {
  let last = after;
  let over = false;
  for (let failures = 0; failures < TRIES && !signal.aborted;) {
    try {
      for await (const seen of follow(call, id, last, signal)) {
        failures = 0;
        if (seen.kind === 'event') last = seen.event.seq;
        yield seen;
        over ||= seen.kind === 'event' && seen.event.body.type === 'run_ended';
      }
      if (over) return;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof CaissonError && error.code !== 'service_unreachable') throw error;
    }
    failures += 1;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function* follow(call: Caller, id: string, after: number, signal: AbortSignal): AsyncGenerator<Seen> {
  const body = await call.open('GET', `/api/v1/runs/${id}/events`, { 'last-event-id': String(after) }, signal);
  for await (const message of readEventStream(body)) {
    const seen = seenOf(message);
    if (seen !== undefined) yield seen;
  }
}

function seenOf(message: { readonly event: string | undefined; readonly data: string }): Seen | undefined {
  if (message.event === 'progress') return { kind: 'note', note: JSON.parse(message.data) as ProgressNote };
  if (message.data === '') return undefined;
  return { kind: 'event', event: JSON.parse(message.data) as RunEvent };
}
