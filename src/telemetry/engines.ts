// Owns how the numbers of the engines themselves are shown beside our own. Knows no engine and no name that one of them uses.
import type { Gauge } from 'prom-client';
import type { EngineNumbers, EngineReport } from '../contracts/ports.ts';

export type MakeGauge = (name: string, help: string, labels: string[], collect: (into: Gauge) => void) => Gauge;

export type Reports = ReadonlyMap<string, EngineReport>;

const SHOWN: readonly (readonly [name: string, help: string, number: keyof EngineNumbers])[] = [
  ['running', 'Requests that the engine works on, by its own count.', 'running'],
  ['waiting', 'Requests that wait inside the engine.', 'waiting'],
  ['cache_used_ratio', 'Part of its cache for prompts and answers that is taken.', 'cacheUsed'],
  ['prompt_tokens', 'Tokens of prompts since the engine started.', 'promptTokens'],
  ['cached_tokens', 'Those of them that came from its cache.', 'cachedTokens'],
];

/** An engine that is not there, or says nothing, has no line. */
export function showEngines(gauge: MakeGauge, reports: () => Reports): void {
  for (const [name, help, number] of SHOWN)
    gauge(`caisson_engine_${name}`, help, ['backend'], (into) => {
      into.reset();
      for (const [backend, { numbers }] of reports()) {
        const value = numbers?.[number];
        if (value !== undefined) into.set({ backend }, value);
      }
    });
  gauge('caisson_engine_info', 'The version that the engine says it has.', ['backend', 'version'], (into) => {
    into.reset();
    for (const [backend, { version }] of reports()) if (version !== undefined) into.set({ backend, version }, 1);
  });
}
