// Owns the look at a whole chat answer in its bytes: whether it is one, and what it used. Changes nothing of it.
import type { TappedUsage } from './tap.ts';

const USAGE = /"usage":\s*\{/;
const NUMBERS = {
  promptTokens: /"prompt_tokens":\s*(\d+)/,
  completionTokens: /"completion_tokens":\s*(\d+)/,
  cachedTokens: /"cached_tokens":\s*(\d+)/,
};
const FINISH = /"finish_reason":\s*"(\w+)"/;

/** Undefined if the engine gave it up, or it is no chat answer. */
export function readPlainAnswer(body: Buffer): { readonly usage: TappedUsage | undefined } | undefined {
  const text = body.toString('latin1');
  const [, finish] = FINISH.exec(text) ?? [];
  if (finish === undefined || finish === 'abort' || finish === 'error' || !/^\s*\{/.test(text)) return undefined;
  const at = text.search(USAGE);
  if (at === -1) return { usage: undefined };
  const usage = text.slice(at);
  const numberOf = (pattern: RegExp) => Number(pattern.exec(usage)?.[1] ?? 0);
  return {
    usage: {
      promptTokens: numberOf(NUMBERS.promptTokens),
      completionTokens: numberOf(NUMBERS.completionTokens),
      cachedTokens: numberOf(NUMBERS.cachedTokens),
    },
  };
}
