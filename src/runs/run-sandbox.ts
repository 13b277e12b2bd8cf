// Owns the one sandbox the agent of a run works in: opened when first needed, opened anew after it was closed. Knows no tool.
import { CaissonError, reportOf } from '../base/errors.ts';
import { canonicalJson } from '../base/json.ts';
import { sha256 } from '../base/hash.ts';
import { newId } from '../base/ids.ts';
import type {
  DeathReport,
  ExecOutcome,
  ExecRequest,
  ExecutorResult,
  OpenSandbox,
  OpenedSandbox,
} from '../contracts/executor.ts';
import type { EgressGrant, EgressProfile } from '../contracts/egress.ts';
import type { Grant } from '../contracts/decisions.ts';
import type { Emit } from '../contracts/ports.ts';
import type { RunNetwork } from './network.ts';
import type { RunsPorts } from './ports.ts';

export interface RunSandbox {
  /** Starts opening if it is not open yet. Does not reject: a failure comes with the next `exec`. */
  warm(): void;
  exec(request: Omit<ExecRequest, 'sandbox'>, signal: AbortSignal): Promise<ExecutorResult<ExecOutcome>>;
  /** Lets through what a person granted, from now on and in every sandbox to come; undefined if there is no network for it. */
  permit(grant: Grant): Promise<EgressGrant | undefined>;
  /** Kills every process; the next `exec` opens a new sandbox on the same files. */
  close(): Promise<DeathReport | undefined>;
}

const CANCEL_AGAIN_MS = 50;

type Ports = Pick<RunsPorts, 'executor' | 'clock' | 'sandboxLimits'>;

export function createRunSandbox(
  of: {
    readonly run: string;
    readonly box: string;
    readonly purpose: OpenSandbox['purpose'];
    /** Resolves when the box is there; rejects if it cannot be made. */
    readonly ready?: Promise<void>;
    /** Absent: no network. */
    readonly egress?: EgressProfile;
    /** In its place: one whose grants change. */
    readonly network?: RunNetwork | undefined;
  },
  ports: Ports,
  emit: Emit,
): RunSandbox {
  let current: { readonly id: string; readonly opened: Promise<ExecutorResult<OpenedSandbox>> } | undefined;
  const ensure = () => {
    if (current !== undefined) return current;
    const id = newId('sbx', ports.clock.now());
    const { run, purpose, box } = of;
    const egress = of.network?.profile() ?? of.egress;
    const base = { sandbox: id, run, purpose, box, limits: ports.sandboxLimits };
    const request = egress === undefined ? base : { ...base, egress };
    current = { id, opened: openSandbox(request, of.ready, ports, emit) };
    return current;
  };
  return {
    warm: () => {
      ensure().opened.catch(() => {});
    },
    exec: async (request, signal) => {
      const { id, opened } = ensure();
      const open = await opened;
      if (!open.ok) {
        current = undefined;
        return open;
      }
      for (const grant of (await of.network?.ended()) ?? []) await ports.executor.permit(id, grant);
      const done = await execUntil(ports, { ...request, sandbox: id }, signal);
      if (done.ok) of.network?.count(done.value.egress ?? []);
      return done;
    },
    permit: async (grant) => {
      const granted = await of.network?.permit(grant);
      if (granted !== undefined && current !== undefined) await ports.executor.permit(current.id, granted);
      return granted;
    },
    close: async () => {
      if (current === undefined) return undefined;
      const { id, opened } = current;
      current = undefined;
      await opened.catch(() => {});
      const death = await ports.executor.close(id);
      const { ms, survivors } = death;
      await emit([{ body: { type: 'processes_killed', sandbox: id, ms, survivors: [...survivors] } }]);
      return death;
    },
  };
}

async function openSandbox(
  request: OpenSandbox,
  ready: Promise<void> | undefined,
  ports: Ports,
  emit: Emit,
): Promise<ExecutorResult<OpenedSandbox>> {
  try {
    await ready;
  } catch (error) {
    return { ok: false, error: reportOf(error) };
  }
  const opened = await ports.executor.open(request);
  if (!opened.ok) return opened;
  const { probe } = opened.value;
  const content = canonicalJson(probe);
  const { firejail, kernel, startMs, limits, confinedBy } = probe;
  const body = {
    type: 'sandbox_opened',
    purpose: request.purpose,
    firejail,
    kernel,
    startMs,
    limits: { ...limits },
    ...(confinedBy === undefined ? {} : { confinedBy }),
  } as const;
  await emit([{ body: { ...body, probeHash: sha256(content) }, contents: [content] }]);
  return opened;
}

/** A command may begin late, as when the shell is started anew: it is cancelled for as long as it has not ended. */
async function execUntil(
  ports: Ports,
  request: ExecRequest,
  signal: AbortSignal,
): Promise<ExecutorResult<ExecOutcome>> {
  if (signal.aborted) return { ok: false, error: reportOf(new CaissonError('sandbox_gone', 'the run was stopped')) };
  let again: NodeJS.Timeout | undefined;
  const cancel = () => {
    ports.executor.cancel(request.sandbox).catch(() => {});
  };
  const cancelOn = () => {
    cancel();
    again = setInterval(cancel, CANCEL_AGAIN_MS);
  };
  signal.addEventListener('abort', cancelOn, { once: true });
  try {
    return await ports.executor.exec(request);
  } finally {
    signal.removeEventListener('abort', cancelOn);
    clearInterval(again);
  }
}
