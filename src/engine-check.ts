// Owns what the engines are asked when a service starts and when `doctor` looks: one token, version, numbers. Not on the way of a run.
import { proveGeneration } from './backends/readiness.ts';
import { systemClock } from './base/clock.ts';
import { CaissonError, formatError } from './base/errors.ts';
import type { LoadedConfig } from './config/load.ts';
import type { Backend, EngineReport } from './contracts/ports.ts';
import { createBackends } from './engines.ts';

/** An engine that loads its model with the first request takes minutes; a person who asks `doctor` waits no longer than this. */
const DOCTOR_MS = 20_000;
const START_MS = 300_000;
const ASK_MS = 5000;

/** Of the one backend in the configuration, what is good to know. Throws why it answers nothing. */
export async function checkEngine(config: LoadedConfig): Promise<readonly string[]> {
  const [backend] = await createBackends(config, { allowRecorded: true });
  if (backend === undefined || backend.recorded) return [];
  const [first] = await backend.models(AbortSignal.timeout(ASK_MS));
  if (first === undefined) return [];
  const proof = await proveGeneration(backend, first.id, { clock: systemClock, timeoutMs: DOCTOR_MS });
  // It may know by now why it does not start.
  if (!proof.ok) await backend.models(AbortSignal.timeout(ASK_MS));
  if (!proof.ok) throw new CaissonError(codeOf(proof.failure.code), unanswered(first.id, proof.failure.message));
  const report = await backend.report?.(AbortSignal.timeout(ASK_MS));
  backend.retire?.();
  return [`first token after ${proof.milliseconds} ms`, ...(report === undefined ? [] : wordsOf(report))];
}

/** What a person should know of engines beside us, in words; our own say themselves how they start. Never rejects for an engine. */
export async function remarksOnEngines(config: LoadedConfig): Promise<readonly string[]> {
  const beside = { ...config, backends: config.backends.filter(({ type }) => type !== 'llama') };
  const backends = await createBackends(beside, { allowRecorded: true });
  return (await Promise.all(backends.filter(({ recorded }) => !recorded).map(remarksOn))).flat();
}

async function remarksOn(backend: Backend): Promise<readonly string[]> {
  const said = (words: string) => `backend ${backend.name}: ${words}`;
  try {
    const [first] = await backend.models(AbortSignal.timeout(ASK_MS));
    if (first === undefined) return [said('serves nothing')];
    const proof = await proveGeneration(backend, first.id, { clock: systemClock, timeoutMs: START_MS });
    const { remarks = [] } = (await backend.report?.(AbortSignal.timeout(ASK_MS))) ?? {};
    const broken = proof.ok ? [] : [unanswered(first.id, proof.failure.message)];
    return [...broken, ...remarks].map(said);
  } catch (error) {
    return [said(formatError(error))];
  }
}

function unanswered(model: string, why: string): string {
  return `${model} gives no token, whatever the engine says of its health: ${why}`;
}

function codeOf(code: string): 'backend_unreachable' | 'backend_garbage' | 'backend_failed' {
  return code === 'backend_unreachable' || code === 'backend_garbage' ? code : 'backend_failed';
}

function wordsOf({ version, remarks, numbers }: EngineReport): readonly string[] {
  const { running, waiting, cacheUsed } = numbers ?? {};
  return [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(running === undefined ? [] : [`${running} requests running, ${waiting ?? 0} waiting`]),
    ...(cacheUsed === undefined ? [] : [`cache ${Math.round(cacheUsed * 100)} % full`]),
    ...remarks,
  ];
}
