// Owns how texts are given to an endpoint that makes vectors of them, and how these are read. Knows no connection and no chat.
import { late } from '../../base/schema.ts';
import type { Embedding, EmbedRequest, Embeddings } from '../../contracts/ports.ts';
import { furtherFields } from './request.ts';

const schema = late((z) =>
  z.looseObject({
    data: z.array(
      z.looseObject({ index: z.int().min(0).nullish(), embedding: z.union([z.string(), z.array(z.number())]) }),
    ),
    usage: z.looseObject({ prompt_tokens: z.int().min(0).nullish() }).nullish(),
  }),
);

/** `without`: fields that the endpoint does not take. */
export function embedBody(request: EmbedRequest, without: ReadonlySet<string>): object {
  const { model, input, dimensions, base64 } = request;
  return {
    ...Object.fromEntries(furtherFields(request).filter(([name]) => !without.has(name))),
    model,
    input,
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(without.has('encoding_format') ? {} : { encoding_format: base64 ? 'base64' : 'float' }),
  };
}

export function optionalInEmbed(request: EmbedRequest): readonly string[] {
  return ['encoding_format', ...furtherFields(request).map(([name]) => name)];
}

/** Undefined if the text is no list of as many vectors. */
export function readEmbeddings(text: string, count: number): Embeddings | undefined {
  const parsed = schema().safeParse(jsonOf(text));
  if (!parsed.success || parsed.data.data.length !== count) return undefined;
  const { data, usage } = parsed.data;
  const vectors: Embedding[] = [];
  for (const [position, { index, embedding }] of data.entries()) vectors[index ?? position] = embedding;
  if (Object.keys(vectors).length !== count || vectors.length !== count) return undefined;
  const promptTokens = usage?.prompt_tokens ?? undefined;
  return { type: 'embeddings', vectors, ...(promptTokens === undefined ? {} : { promptTokens }) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
