// Owns the reading of log-probabilities, of the chat form and of the older one. Knows no text: what is spoilt is left out.
import type { TokenLogprob } from '../../../contracts/model-events.ts';

type Fields = Readonly<Record<string, unknown>>;
type Alternative = Omit<TokenLogprob, 'top'>;

const NONE: readonly TokenLogprob[] = [];

/** `{content: [{token, logprob, bytes, top_logprobs}]}`; nothing where there are none. */
export function readLogprobs(value: unknown): readonly TokenLogprob[] {
  if (!isFields(value)) return NONE;
  return listOf(value['content']).flatMap((item) => {
    const token = alternativeOf(item);
    if (token === undefined || !isFields(item)) return [];
    const top = listOf(item['top_logprobs']).flatMap((other) => alternativeOf(other) ?? []);
    return [{ ...token, top }];
  });
}

/** `{tokens: […], token_logprobs: […], top_logprobs: [{token: logprob}]}`, as completions have it. */
export function readOlderLogprobs(value: unknown): readonly TokenLogprob[] {
  if (!isFields(value)) return NONE;
  const logprobs = listOf(value['token_logprobs']);
  const tops = listOf(value['top_logprobs']);
  return listOf(value['tokens']).flatMap((token, index) => {
    const logprob = logprobs[index];
    if (typeof token !== 'string' || typeof logprob !== 'number') return [];
    const top = Object.entries(isFields(tops[index]) ? tops[index] : {}).flatMap(([other, number]) =>
      typeof number === 'number' ? [{ token: other, logprob: number, bytes: null }] : [],
    );
    return [{ token, logprob, bytes: null, top }];
  });
}

function alternativeOf(item: unknown): Alternative | undefined {
  if (!isFields(item)) return undefined;
  const { token, logprob, bytes } = item;
  if (typeof token !== 'string' || typeof logprob !== 'number') return undefined;
  return { token, logprob, bytes: areBytes(bytes) ? bytes : null };
}

function areBytes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((byte) => Number.isInteger(byte));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
