// Owns the numbers that engines show at /metrics, under the names that each of them has had. Knows no connection.
import type { EngineNumbers } from '../../../contracts/ports.ts';

/** By number, the names from the newest to the oldest: vLLM, then NIM of its first line, which has no prefix. */
const NAMES: Readonly<Record<keyof EngineNumbers, readonly string[]>> = {
  running: ['vllm:num_requests_running', 'num_requests_running'],
  waiting: ['vllm:num_requests_waiting', 'num_requests_waiting'],
  cacheUsed: ['vllm:kv_cache_usage_perc', 'vllm:gpu_cache_usage_perc', 'gpu_cache_usage_perc'],
  promptTokens: ['vllm:prompt_tokens_total', 'prompt_tokens_total'],
  cachedTokens: [
    'vllm:prompt_tokens_cached_total',
    'vllm:prefix_cache_hits_total',
    'vllm:gpu_prefix_cache_hits_total',
    'gpu_prefix_cache_hits_total',
  ],
};
/** Several engines behind one address are each as full as they are: the fullest is told. */
const HIGHEST: ReadonlySet<string> = new Set(['cacheUsed']);

/** `text`: Prometheus, format 0.0.4. Undefined: none of the names is in it. */
export function readNumbers(text: string): EngineNumbers | undefined {
  const samples = samplesOf(text);
  const found = Object.entries(NAMES).flatMap(([number, names]) => {
    const values = names.map((name) => samples.get(name)).find((one) => one !== undefined);
    if (values === undefined) return [];
    return [[number, HIGHEST.has(number) ? Math.max(...values) : values.reduce((sum, one) => sum + one, 0)] as const];
  });
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{.*\})?\s+(\S+)(?:\s+-?\d+)?$/;
/** vLLM shows when each counter was made, as a gauge beside it. */
const MADE_AT = /_created$/;

/** By name, the values under all labels; those that are no numbers are left out. */
function samplesOf(text: string): ReadonlyMap<string, readonly number[]> {
  const samples = new Map<string, number[]>();
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = SAMPLE.exec(line.trim()) ?? [];
    const number = Number(value);
    if (name === '' || MADE_AT.test(name) || value === '' || !Number.isFinite(number) || number < 0) continue;
    samples.set(name, [...(samples.get(name) ?? []), number]);
  }
  return samples;
}
