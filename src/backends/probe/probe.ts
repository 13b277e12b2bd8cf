// Owns the way of the suite to an engine, and the score. Knows no case by name and no wire format.
import type { Clock } from '../../base/clock.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelEvent } from '../../contracts/model-events.ts';
import type { Backend, StreamModel } from '../../contracts/ports.ts';
import type { ProbeReport, ProbeResult } from '../../contracts/probes.ts';
import { answerOf, type ProbedAnswer } from './answer.ts';
import { PROBE_CASES, type ProbeCase } from './cases.ts';

export interface ProbeOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>;
  /** Of each case. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Hears each result as it comes. */
  readonly told?: (result: ProbeResult) => void;
}

const REPORT_MS = 5000;

/**
 * One case after the other, first as a stream, then whole where the engine can be asked so: they are about what an engine can do, not
 * about how much. Never rejects for an engine.
 */
export async function probeBackend(backend: Backend, model: string, options: ProbeOptions): Promise<ProbeReport> {
  const results: ProbeResult[] = [];
  for (const one of casesFor(backend)) {
    if (options.signal.aborted) break;
    const result = await probe(model, one, options);
    results.push(result);
    options.told?.(result);
  }
  const { version = '' } = (await backend.report?.(AbortSignal.timeout(REPORT_MS))) ?? {};
  return { backend: backend.name, model, version, at: options.clock.now(), score: scoreOf(results), results };
}

interface AskedCase extends ProbeCase {
  readonly ask: StreamModel;
}

function casesFor({ stream, whole }: Backend): readonly AskedCase[] {
  return PROBE_CASES.flatMap((one): readonly AskedCase[] => {
    const streamed = { ...one, ask: stream };
    return whole === undefined || one.onlyStreamed === true
      ? [streamed]
      : [streamed, { ...one, name: `${one.name}, whole`, ask: whole }];
  });
}

async function probe(model: string, one: AskedCase, options: ProbeOptions): Promise<ProbeResult> {
  const began = options.clock.monotonic();
  const request = { ...one.request, model };
  const answers = await Promise.all(Array.from({ length: one.atOnce ?? 1 }, () => answered(one, request, options)));
  const wrong = answers.map((answer) => one.wrong(answer)).find((words) => words !== '');
  const repairs = [...new Set(answers.flatMap((answer) => answer.repairs))];
  const milliseconds = Math.round(options.clock.monotonic() - began);
  if (wrong !== undefined) return { name: one.name, outcome: 'fails', detail: wrong, milliseconds };
  return {
    name: one.name,
    outcome: repairs.length > 0 ? 'repaired' : 'works',
    detail: repairs.join(', '),
    milliseconds,
  };
}

async function answered(
  { ask, abortAfter }: AskedCase,
  request: ChatRequest,
  { timeoutMs, signal }: ProbeOptions,
): Promise<ProbedAnswer> {
  const late = AbortSignal.timeout(timeoutMs);
  const abort = new AbortController();
  const events: ModelEvent[] = [];
  for await (const event of ask(request, AbortSignal.any([late, abort.signal, signal]))) {
    events.push(event);
    if (events.length === abortAfter) abort.abort();
  }
  const answer = answerOf(events);
  return late.aborted && abortAfter === undefined ? { ...answer, error: `no end within ${timeoutMs} ms` } : answer;
}

const PARTS = { works: 1, repaired: 0.5, fails: 0 } as const;

function scoreOf(results: readonly ProbeResult[]): number {
  const sum = results.reduce((total, { outcome }) => total + PARTS[outcome], 0);
  return results.length === 0 ? 0 : Math.round((sum / results.length) * 100);
}
