// Owns the way from a chat request to an answer over HTTP, streamed or whole, for every dialect. Knows no dialect and no engine.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CaissonError } from '../base/errors.ts';
import { REQUEST_CLASSES, type RequestClass } from '../contracts/accounts.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import { guessPromptTokens } from './admission/counting.ts';
import type { AnswerSoFar, EndReason } from './answer.ts';
import type { AdmissionPass } from './ports.ts';
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

/**
 * What the route gives back to the framework. Rejects with `EngineError` or a coded error while nothing was written: over its limits
 * a key is refused at once; the wait for a place at the engine is part of the stream, and is kept alive as one.
 */
export async function infer(inference: Inference, context: RouteContext): Promise<unknown> {
  const { reply, chat } = inference;
  const { ports, closing } = context;
  // Before anything is waited for: a client that leaves meanwhile must be noticed.
  const sink = createSink(reply, STREAM_HEADERS, closing);
  const pass = await letIn(inference, context);
  try {
    const events = pass.stream(ports.stream, chat, sink.signal);
    if (inference.streamed) {
      count(await streamAnswer(events, sink, inference.encoder(), ports), ports);
      return reply;
    }
    const { answer, finish } = await collectAnswer(events, sink.signal, ports);
    count(answer, ports);
    return inference.whole(answer, finish);
  } finally {
    pass.close();
  }
}

async function letIn({ request, reply, chat }: Inference, { ports, gate }: RouteContext): Promise<AdmissionPass> {
  const wished = classOf(request);
  const admitted = await ports.admission.admit({
    principal: gate.principalOf(request),
    model: chat.model,
    promptTokens: guessPromptTokens(chat),
    ...(wished === undefined ? {} : { class: wished }),
  });
  reply.headers(admitted.headers);
  if (!admitted.ok) throw admitted.error;
  return admitted.pass;
}

const CLASS_HEADER = 'x-caisson-class';

function classOf({ headers }: FastifyRequest): RequestClass | undefined {
  const wish = headers[CLASS_HEADER];
  const found = REQUEST_CLASSES.find((name) => name === wish);
  if (found !== undefined || wish === undefined) return found;
  throw new CaissonError('invalid_input', `${CLASS_HEADER}: expected ${REQUEST_CLASSES.join(' or ')}`, {
    place: { field: CLASS_HEADER },
  });
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
