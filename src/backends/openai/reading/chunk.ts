// Owns the form of one chunk of a streamed chat answer, as loose as engines are, read by hand: it is read for every token of every
// answer. Knows no meaning.
import type { TokenLogprob } from '../../../contracts/model-events.ts';
import { countIn } from '../../../base/count.ts';
import { readLogprobs } from './logprobs.ts';

/** What of a chunk is read. A field that is absent or null is undefined here; others are left out. */
export interface Chunk {
  readonly error?: unknown;
  readonly choice?: Choice;
  readonly usage?: ChunkUsage;
}

/** The first choice: more are never asked for. */
export interface Choice {
  readonly content: string;
  readonly reasoning: string;
  readonly calls: readonly CallDelta[];
  readonly finish: string;
  /** The stop sequence that ended the text; '' where there was none, or the engine names it by its number. */
  readonly stop: string;
  readonly logprobs: readonly TokenLogprob[];
}

export interface CallDelta {
  readonly index: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

export interface ChunkUsage {
  readonly promptTokens: number | undefined;
  readonly completionTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** Why a value is no chunk; caught by `readChunk` alone. */
class NoChunk extends Error {}

/** Undefined if it is none: it has neither choices, usage nor an error, or a field of another type than every engine gives it. */
export function readChunk(value: unknown): Chunk | undefined {
  if (!isFields(value)) return undefined;
  const { error, choices, usage } = value;
  if (error !== undefined && error !== null) return { error };
  if (choices === undefined && usage === undefined && !('error' in value)) return undefined;
  try {
    const choice = choiceOf(listOf(choices));
    return {
      ...(choice === undefined ? {} : { choice }),
      ...(usage === undefined || usage === null ? {} : { usage: usageOf(fieldsOf(usage)) }),
    };
  } catch (cause) {
    if (cause instanceof NoChunk) return undefined;
    throw cause;
  }
}

function choiceOf(choices: readonly unknown[]): Choice | undefined {
  for (const item of choices) {
    const choice = fieldsOf(item);
    if ((wholeOf(choice['index']) ?? 0) !== 0) continue;
    const delta = choice['delta'] ?? {};
    const { content, reasoning, reasoning_content: older, tool_calls: calls } = fieldsOf(delta);
    return {
      content: textOf(content),
      // Newer engines say `reasoning`, older ones `reasoning_content`; one of the two may be there and empty.
      reasoning: textOf(reasoning) || textOf(older),
      calls: listOf(calls).map(callOf),
      finish: textOf(choice['finish_reason']),
      stop: typeof choice['stop_reason'] === 'string' ? choice['stop_reason'] : '',
      logprobs: readLogprobs(choice['logprobs']),
    };
  }
  return undefined;
}

function callOf(item: unknown): CallDelta {
  const call = fieldsOf(item);
  const inner = fieldsOf(call['function'] ?? {});
  const given = inner['arguments'];
  return {
    index: wholeOf(call['index']),
    id: textOf(call['id']),
    name: textOf(inner['name']),
    // Some servers send the object itself.
    arguments: isFields(given) ? JSON.stringify(given) : textOf(given),
  };
}

function usageOf(usage: Fields): ChunkUsage {
  return {
    promptTokens: countOf(usage['prompt_tokens']),
    completionTokens: countOf(usage['completion_tokens']),
    cachedTokens: countOf(fieldsOf(usage['prompt_tokens_details'] ?? {})['cached_tokens']),
    reasoningTokens: countOf(fieldsOf(usage['completion_tokens_details'] ?? {})['reasoning_tokens']),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fieldsOf(value: unknown): Fields {
  if (isFields(value)) return value;
  throw new NoChunk();
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new NoChunk();
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return '';
  throw new NoChunk();
}

/** A number that is no count is as good as none: it must not spoil an answer, nor be billed. */
function countOf(value: unknown): number | undefined {
  return countIn(numberOf(value));
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (value === undefined || value === null) return undefined;
  throw new NoChunk();
}

function wholeOf(value: unknown): number | undefined {
  const number = numberOf(value);
  if (number === undefined || Number.isSafeInteger(number)) return number;
  throw new NoChunk();
}
