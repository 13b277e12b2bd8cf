// Owns POST /v1/embeddings: from texts to vectors, in the form that the client wants. Knows no engine.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { ModelEvent } from '../../contracts/model-events.ts';
import type { Embed, EmbedRequest, Embeddings } from '../../contracts/ports.ts';
import { given } from '../chat/given.ts';
import { furtherOf } from '../chat/request.ts';
import { cut } from '../answer.ts';
import { EngineError } from '../errors.ts';
import { infer } from '../infer.ts';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';
import { inForm } from './vectors.ts';

const MOST_INPUTS = 2048;

const text = z.string().min(1, 'expected a text that is not empty');
const tokens = z.array(z.int().min(0)).min(1);
const bodySchema = z.looseObject({
  model: z.string().min(1),
  input: z.union(
    [text, z.array(text).min(1).max(MOST_INPUTS), tokens, z.array(tokens).min(1).max(MOST_INPUTS)],
    `expected a text that is not empty, a list of up to ${MOST_INPUTS} of them, or the numbers of their tokens`,
  ),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
});
type Body = z.infer<typeof bodySchema>;

const KNOWN: ReadonlySet<string> = new Set(Object.keys(bodySchema.shape));

export function embeddingRoutes(app: FastifyInstance, context: RouteContext): void {
  const { ports, gate } = context;
  app.post('/v1/embeddings', { onRequest: gate.admit('client') }, async (request, reply) => {
    const { embed } = ports;
    if (embed === undefined) throw new CaissonError('not_supported', 'this service has no embeddings');
    const asked = requestOf(parseInput(bodySchema, request.body));
    const made = making(embed, asked);
    const content = asked.input.map((one) => (typeof one === 'string' ? one : one.join(' '))).join('\n');
    return infer(
      {
        request,
        reply,
        // For the limits of the key, which count what an answer costs.
        chat: { model: asked.model, messages: [{ role: 'user', content }] },
        streamed: false,
        encoder: () => {
          throw new CaissonError('internal', 'vectors are not streamed');
        },
        whole: () => listOf(asked, made.embeddings()),
      },
      { ...context, ports: { ...ports, stream: (chat, signal) => made.stream(chat, signal) } },
    );
  });
}

function requestOf(body: Body): EmbedRequest {
  return {
    model: body.model,
    input: inputOf(body.input),
    base64: body.encoding_format === 'base64',
    ...given('dimensions', body.dimensions),
    ...given('extra', furtherOf(body, KNOWN)),
  };
}

function inputOf(input: Body['input']): EmbedRequest['input'] {
  if (typeof input === 'string') return [input];
  const numbers = input.filter((one) => typeof one === 'number');
  return numbers.length > 0 ? [numbers] : input.filter((one) => typeof one !== 'number');
}

/** An answer without words, so that it is let in, waits, is counted and fails as every other. */
function making(embed: Embed, asked: EmbedRequest) {
  let made: Embeddings | undefined;
  return {
    stream: async function* stream(_: unknown, signal: AbortSignal): AsyncGenerator<ModelEvent> {
      const answer = await embed(asked, signal);
      if (answer.type === 'error') yield answer;
      else {
        made = answer;
        const { promptTokens } = answer;
        if (promptTokens !== undefined) yield { type: 'usage', promptTokens, completionTokens: 0 };
        yield { type: 'finish', reason: 'stop' };
      }
    },
    embeddings: () => {
      if (made === undefined) throw cut('the engine made no vectors');
      return made;
    },
  };
}

function listOf({ model, base64 }: EmbedRequest, { vectors, promptTokens = 0 }: Embeddings): object {
  const data = vectors.map((vector, index) => {
    const embedding = inForm(vector, base64);
    if (embedding !== undefined) return { object: 'embedding', index, embedding };
    const message = `the engine sent a vector that is none, for input[${index}]`;
    throw new EngineError({ type: 'error', code: 'backend_garbage', message, retryable: false });
  });
  return { object: 'list', data, model, usage: { prompt_tokens: promptTokens, total_tokens: promptTokens } };
}
