// Owns embeddings: one vector for each input, from a context of their own that is made with the first. Knows no channel.
import type { EmbedOrder } from '../wire.ts';
import type { EmbeddingContext } from './library.ts';
import type { Engine } from './load.ts';

export type Embedded =
  | { readonly vectors: number[][]; readonly promptTokens: number }
  | { readonly code: 'invalid_input' | 'context_exceeded'; readonly message: string };

/** Tokens of one input at most: all of them are evaluated in one go. */
const MOST_TOKENS = 8192;

/** Rejects when the engine fails. */
export function createEmbedder({ model, context, order }: Engine): (wish: EmbedOrder) => Promise<Embedded> {
  const size = Math.min(context.contextSize, MOST_TOKENS);
  let made: Promise<EmbeddingContext> | undefined;
  return async ({ inputs }) => {
    const all = inputs.map((input) => (typeof input === 'string' ? model.tokenize(input, false) : [...input]));
    const empty = all.findIndex((tokens) => tokens.length === 0);
    if (empty >= 0) return { code: 'invalid_input', message: `input ${empty} is empty` };
    const long = all.findIndex((tokens) => tokens.length > size);
    if (long >= 0) {
      const message = `input ${long} has ${all[long]?.length} tokens, and the model takes ${size} at most`;
      return { code: 'context_exceeded', message };
    }
    made ??= model.createEmbeddingContext({ contextSize: size, batchSize: size, threads: order.threads });
    const embedding = await made;
    const vectors: number[][] = [];
    for (const tokens of all) vectors.push(unit((await embedding.getEmbeddingFor(tokens)).vector));
    return { vectors, promptTokens: all.reduce((sum, tokens) => sum + tokens.length, 0) };
  };
}

/** Of length 1, as clients expect it. */
function unit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? [...vector] : vector.map((value) => value / length);
}
