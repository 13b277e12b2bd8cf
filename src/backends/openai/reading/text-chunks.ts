// Owns the reading of a streamed completion, chunk by chunk. Knows no chat and no connection.
import type { FinishReason, ModelEvent, TokenLogprob, Usage } from '../../../contracts/model-events.ts';
import { readChunk } from './chunk.ts';
import type { ChunkReader } from './chunks.ts';
import { broken, engineError, finishEvent, finishReasonOf, garbage, usageEvents, usageOf } from './endings.ts';
import { readOlderLogprobs } from './logprobs.ts';

/** The text is told as it came: it is no answer to anyone, and each of its blanks may matter. */
export function createTextReader(): ChunkReader {
  let finish: FinishReason | undefined;
  let stop = '';
  let usage: Usage | undefined;
  let bytes = 0;
  return {
    take: (value) => {
      const chunk = readChunk(value);
      const piece = pieceOf(value);
      if (chunk === undefined || piece === undefined) return [garbage(value, 'chunk of a completion')];
      if (chunk.error !== undefined) return [engineError(chunk.error)];
      usage = usageOf(chunk.usage) ?? usage;
      finish = finishReasonOf(chunk.choice?.finish ?? '') ?? finish;
      if (chunk.choice !== undefined && chunk.choice.stop !== '') stop = chunk.choice.stop;
      bytes += Buffer.byteLength(piece.text);
      return eventsOf(piece);
    },
    end: () => {
      if (finish === undefined) return [broken('the engine ended its text in the middle')];
      if (finish === 'abort') return [broken('the engine broke its text off: it is stopping, or took it back')];
      return [...usageEvents(usage), finishEvent(finish, stop)];
    },
    finished: () => finish !== undefined,
    bytes: () => bytes,
  };
}

interface Piece {
  readonly text: string;
  readonly tokens: readonly TokenLogprob[];
}

const EMPTY: Piece = { text: '', tokens: [] };

/** Of the first choice: more are never asked for. Undefined if its text is none. */
function pieceOf(value: unknown): Piece | undefined {
  const choices = memberOf(value, 'choices');
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  const text = memberOf(choice, 'text') ?? '';
  if (typeof text !== 'string') return undefined;
  return choice === undefined ? EMPTY : { text, tokens: readOlderLogprobs(memberOf(choice, 'logprobs')) };
}

function eventsOf({ text, tokens }: Piece): readonly ModelEvent[] {
  return [
    ...(text === '' ? [] : [{ type: 'text' as const, text }]),
    ...(tokens.length === 0 ? [] : [{ type: 'logprobs' as const, tokens }]),
  ];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
