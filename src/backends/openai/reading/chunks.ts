// Owns the reading of a streamed chat answer, chunk by chunk, with the differences between engines undone. Knows no connection.
import type { FinishReason, ModelEvent, TokenLogprob, Usage } from '../../../contracts/model-events.ts';
import { type Calls, type CallsOptions, createCalls } from './calls.ts';
import { type CallDelta, type Choice, type Chunk, readChunk } from './chunk.ts';
import { broken, engineError, finishEvent, finishReasonOf, garbage, usageEvents, usageOf } from './endings.ts';
import type { SaysOnly } from './event-stream.ts';
import type { Said } from './frames.ts';
import { createLineBreaks } from './line-breaks.ts';

export interface ChunkReader {
  /** Events of one chunk; an `error` event is the last of all. */
  take(value: unknown): readonly ModelEvent[];
  /** For a reader to whom one text is as good as its pieces: what a chunk says, and the events of what several said. */
  readonly alike?: { readonly saysOnly: SaysOnly; take(said: Said): readonly ModelEvent[] };
  /** What the end of the stream means: which calls are whole, usage and finish; or an error if it was cut. */
  end(): readonly ModelEvent[];
  /** Whether the engine has said that the answer is over. */
  finished(): boolean;
  /** Bytes of text, thinking, names and arguments so far. */
  bytes(): number;
}

/** Pure: the same chunks give the same events (but for ids that the engine left out). */
export function createChunkReader(options: CallsOptions): ChunkReader {
  const calls = createCalls(options);
  const speech = createSpeech(calls);
  let finish: FinishReason | undefined;
  let stop = '';
  let usage: Usage | undefined;
  return {
    take: (value) => {
      const chunk = readChunk(value);
      if (chunk === undefined) return [garbage(value, 'chat chunk')];
      if (chunk.error !== undefined) return [engineError(chunk.error)];
      const counted = usageOf(chunk.usage);
      const isFirst = usage === undefined && finish === undefined;
      usage = counted ?? usage;
      finish = finishOf(chunk) ?? finish;
      if (chunk.choice !== undefined && chunk.choice.stop !== '') stop = chunk.choice.stop;
      const events = speech.take(partsOf(chunk));
      const isEarly = isFirst && finish === undefined && counted !== undefined;
      return isEarly ? [...usageEvents(counted), ...events] : events;
    },
    alike: {
      saysOnly,
      take: ({ as, text }) => speech.take(as === 'content' ? { ...NOTHING, text } : { ...NOTHING, thinking: text }),
    },
    end: () => {
      if (finish === undefined) return [broken('the engine ended its answer in the middle')];
      if (finish === 'abort') return [broken('the engine broke its answer off: it is stopping, or took it back')];
      return [
        ...speech.end(),
        ...calls.end(finish),
        ...usageEvents(usage),
        finishEvent(calls.count() > 0 && finish === 'stop' ? 'tool_calls' : finish, stop),
      ];
    },
    finished: () => finish !== undefined,
    bytes: () => speech.bytes(),
  };
}

interface Speech {
  take(parts: Parts): readonly ModelEvent[];
  /** Line breaks that were held back. */
  end(): readonly ModelEvent[];
  bytes(): number;
}

function createSpeech(calls: Calls): Speech {
  const breaks = createLineBreaks();
  let thinking = '';
  let hasText = false;
  let bytes = 0;
  const takeText = (given: string): readonly ModelEvent[] => {
    // Behind the calls some engines send the line break that the model wrote there.
    if (calls.count() > 0 && given.trim() === '') return [];
    const text = breaks.take(given);
    hasText ||= text !== '';
    return textEvents(text);
  };
  return {
    take: (parts) => {
      // vLLM with `force_nonempty_content` sends an answer of nothing but thinking once more as text, with the last chunk.
      const isRepeat = parts.isLast && parts.text === thinking && !hasText && calls.count() === 0;
      thinking += parts.thinking;
      const said = isRepeat ? [] : takeText(parts.text);
      if (parts.calls.length > 0) breaks.drop();
      const thought = parts.thinking === '' ? [] : [{ type: 'reasoning' as const, text: parts.thinking }];
      const events: ModelEvent[] = [...thought, ...said, ...parts.calls.flatMap((delta) => calls.take(delta))];
      if (parts.tokens.length > 0) events.push({ type: 'logprobs', tokens: parts.tokens });
      for (const event of events) bytes += bytesOf(event);
      return events;
    },
    end: () => (calls.count() > 0 ? [] : textEvents(breaks.rest())),
    bytes: () => bytes,
  };
}

function textEvents(text: string): readonly ModelEvent[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

interface Parts {
  readonly thinking: string;
  readonly text: string;
  readonly calls: readonly CallDelta[];
  readonly tokens: readonly TokenLogprob[];
  /** Whether the finish comes with it. */
  readonly isLast: boolean;
}

const NOTHING: Parts = { thinking: '', text: '', calls: [], tokens: [], isLast: false };

/** Behind a call a text may be one that is left out: each of them is looked at. */
function saysOnly(value: unknown): Said | 'over' | undefined {
  const chunk = readChunk(value);
  if (chunk === undefined || chunk.error !== undefined) return 'over';
  const { choice, usage } = chunk;
  if (choice === undefined) return undefined;
  if (choice.calls.length > 0 || choice.finish !== '') return 'over';
  return usage === undefined && choice.logprobs.length === 0 && isSingle(value) ? saidBy(choice) : undefined;
}

function saidBy({ content, reasoning }: Choice): Said | undefined {
  if (reasoning === '') return content === '' ? undefined : { as: 'content', text: content };
  return content === '' ? { as: 'reasoning', text: reasoning } : undefined;
}

function isSingle(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('choices' in value)) return false;
  return Array.isArray(value.choices) && value.choices.length === 1;
}

function partsOf(chunk: Chunk): Parts {
  const { reasoning = '', content = '', calls = [], logprobs: tokens = [] } = chunk.choice ?? {};
  return { thinking: reasoning, text: content, calls, tokens, isLast: finishOf(chunk) !== undefined };
}

function finishOf({ choice }: Chunk): FinishReason | undefined {
  return finishReasonOf(choice?.finish ?? '');
}

function bytesOf(event: ModelEvent): number {
  if (event.type === 'text' || event.type === 'reasoning') return Buffer.byteLength(event.text);
  if (event.type === 'logprobs') return event.tokens.reduce((sum, { token }) => sum + Buffer.byteLength(token), 0);
  if (event.type !== 'tool_call') return 0;
  return Buffer.byteLength(`${event.id ?? ''}${event.name ?? ''}${event.arguments ?? ''}`);
}
