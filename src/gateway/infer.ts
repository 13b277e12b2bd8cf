// Owns the way from a chat request to an answer over HTTP, streamed or whole, for every dialect. Knows no dialect and no engine.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ChatRequest } from '../contracts/messages.ts';
import type { AnswerSoFar, EndReason } from './answer.ts';
import type { RouteContext } from './route-context.ts';
import { createSink } from './sink.ts';
import { collectAnswer, STREAM_HEADERS, type StreamEncoder, streamAnswer } from './stream.ts';

export interface Inference {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly chat: ChatRequest;
  readonly streamed: boolean;
  /** The dialect: the encoder for a stream, or the whole answer as one object. */
  encoder(): StreamEncoder;
  whole(answer: AnswerSoFar, finish: EndReason): object;
}

/** What the route gives back to the framework. Rejects with `EngineError` or a coded error while nothing was written. */
export async function infer(inference: Inference, { ports, closing }: RouteContext): Promise<unknown> {
  const { reply, chat, streamed } = inference;
  const sink = createSink(reply, STREAM_HEADERS, closing);
  const events = ports.stream(chat, sink.signal);
  if (!streamed) {
    const { answer, finish } = await collectAnswer(events, sink.signal, ports);
    count(answer, ports);
    return inference.whole(answer, finish);
  }
  count(await streamAnswer(events, sink, inference.encoder(), ports), ports);
  return reply;
}

const SESSION_HEADERS: readonly string[] = [
  'x-session-affinity',
  'x-session-id',
  'session-id',
  'thread-id',
  'x-claude-code-session-id',
];

/** What a header says of the conversation: requests of one conversation meet a warm cache. */
export function sessionOf({ headers }: FastifyRequest): string | undefined {
  const found = SESSION_HEADERS.map((name) => headers[name]).find((value) => typeof value === 'string' && value !== '');
  return typeof found === 'string' ? found.slice(0, SESSION_CHARACTERS) : undefined;
}

const SESSION_CHARACTERS = 512;

function count({ usage }: AnswerSoFar, { tally }: RouteContext['ports']): void {
  if (usage !== undefined) tally.tokens(usage);
}
