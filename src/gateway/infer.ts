// Owns the way from a chat request to an answer over HTTP, streamed or whole, for every dialect. Knows no dialect and no engine.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mayUse } from '../accounts/quotas.ts';
import { CaissonError } from '../base/errors.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelEvent } from '../contracts/model-events.ts';
import { guessPromptTokens } from './admission/counting.ts';
import { type Arrival, letIn, wishedClass } from './admission/let-in.ts';
import type { AnswerSoFar, EndReason } from './answer.ts';
import { mended } from './mend/request.ts';
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
  /** What the body says of it; a header goes over it. */
  readonly fallbackModel?: string | null | undefined;
  /** Another model than the one that was asked answers: from now on the answer bears its name. */
  readonly answeredBy?: (model: string) => void;
  /** Further requests, whose answers are told together with the first. */
  readonly beside?: Beside;
}

export interface Beside {
  readonly chats: readonly ChatRequest[];
  /** The events of all, the first request's first, as those of one answer. */
  merge(streams: readonly AsyncIterable<ModelEvent>[]): AsyncIterable<ModelEvent>;
}

/**
 * What the route gives back to the framework. Rejects with `EngineError` or a coded error while nothing was written: over its limits
 * a key is refused at once; the wait for a place at the engine is part of the stream, and is kept alive as one.
 */
export async function infer(inference: Inference, context: RouteContext): Promise<unknown> {
  const { reply } = inference;
  const { ports, closing } = context;
  // Before anything is waited for: a client that leaves meanwhile must be noticed.
  const sink = createSink(reply, STREAM_HEADERS, closing);
  const over = new AbortController();
  const entered = await letAllIn(withFallback(inference, context), context);
  try {
    const events = await eventsOf(inference, entered, ports, { gone: sink.signal, over: over.signal });
    if (inference.streamed) {
      count(await streamAnswer(events, sink, inference.encoder(), ports), ports);
      return reply;
    }
    const { answer, finish } = await collectAnswer(events, sink.signal, ports);
    count(answer, ports);
    return inference.whole(answer, finish);
  } finally {
    over.abort();
    for (const { pass } of entered) pass.close();
  }
}

const FALLBACK_HEADER = 'x-caisson-fallback-model';
const ANSWERED_HEADER = 'x-caisson-model';

/** The client may name a model for the case that nobody can be asked for its own; its key must be good for that one too. */
function withFallback(inference: Inference, { gate }: RouteContext): Inference {
  const { request, chat, beside } = inference;
  const header = request.headers[FALLBACK_HEADER];
  const [wish, named] =
    typeof header === 'string' && header !== ''
      ? [header, FALLBACK_HEADER]
      : [inference.fallbackModel ?? '', 'fallback_model'];
  if (wish === '') return inference;
  if (!mayUse(gate.principalOf(request).limits ?? {}, wish))
    throw new CaissonError('forbidden', `${named}: this key may not use the model ${JSON.stringify(wish)}`);
  const besides =
    beside === undefined
      ? {}
      : { beside: { ...beside, chats: beside.chats.map((one) => ({ ...one, fallbackModel: wish })) } };
  return { ...inference, ...besides, chat: { ...chat, fallbackModel: wish } };
}

interface Entered {
  readonly chat: ChatRequest;
  readonly pass: AdmissionPass;
}

/** All or none. */
async function letAllIn(inference: Inference, context: RouteContext): Promise<readonly Entered[]> {
  const entered: Entered[] = [];
  try {
    for (const chat of [inference.chat, ...(inference.beside?.chats ?? [])])
      entered.push({
        chat: marked(chat, inference.request, context),
        pass: await letIn(arrivalOf(inference, chat), context),
      });
    return entered;
  } catch (error) {
    for (const { pass } of entered) pass.close();
    throw error;
  }
}

/** Only where an engine is told. */
function marked(chat: ChatRequest, request: FastifyRequest, { ports, gate }: RouteContext): ChatRequest {
  if (ports.tellsTeams !== true) return chat;
  const { team, limits } = gate.principalOf(request);
  const isBatch = limits?.class === 'batch' || wishedClass(request) === 'batch';
  return { ...chat, team, ...(isBatch ? { background: true } : {}) };
}

function arrivalOf({ request, reply }: Inference, chat: ChatRequest): Arrival {
  return { request, reply, model: chat.model, promptTokens: guessPromptTokens(chat) };
}

/** Of several requests the rest is given up when one fails; the end of a single one is its own. */
async function eventsOf(
  { beside, ...inference }: Inference,
  entered: readonly Entered[],
  ports: RouteContext['ports'],
  { gone, over }: { readonly gone: AbortSignal; readonly over: AbortSignal },
): Promise<AsyncIterable<ModelEvent>> {
  const signal = beside === undefined ? gone : AbortSignal.any([gone, over]);
  const streams: AsyncIterable<ModelEvent>[] = [];
  for (const { chat, pass } of entered)
    streams.push(named(pass.stream(ports.stream, await mended(chat, ports), signal), inference));
  const [first = nothing()] = streams;
  return beside === undefined ? first : beside.merge(streams);
}

/** Takes out the events that say who is asked: they come before all others. */
function named(
  events: AsyncIterable<ModelEvent>,
  { chat, reply, answeredBy }: Pick<Inference, 'chat' | 'reply' | 'answeredBy'>,
): AsyncIterable<ModelEvent> {
  return {
    [Symbol.asyncIterator]: () => {
      const inner = events[Symbol.asyncIterator]();
      let isFirst = true;
      const first = async () => {
        for (;;) {
          const result = await inner.next();
          if (result.done === true || result.value.type !== 'passed_on') return result;
          const { model } = result.value;
          if (model === chat.model) continue;
          answeredBy?.(model);
          if (!reply.raw.headersSent) void reply.header(ANSWERED_HEADER, model);
        }
      };
      const next = () => {
        if (!isFirst) return inner.next();
        isFirst = false;
        return first();
      };
      return { next, return: async () => (await inner.return?.()) ?? { done: true, value: undefined } };
    },
  };
}

async function* nothing(): AsyncGenerator<ModelEvent> {}

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

function count({ usage, repairs }: AnswerSoFar, { tally }: RouteContext['ports']): void {
  for (const kind of repairs) tally.repaired?.(kind);
  if (usage !== undefined) tally.tokens(usage);
}
