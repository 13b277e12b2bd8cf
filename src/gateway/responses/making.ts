// Owns one response while it is made: its form, the events it is made of, giving it up, keeping it. Knows no route and no engine.
import type { FastifyReply } from 'fastify';
import type { JsonObject } from '../../base/json.ts';
import type { ModelEvent } from '../../contracts/model-events.ts';
import type { StreamModel } from '../../contracts/ports.ts';
import type { ResponseStore, StoredResponse } from '../../contracts/stored-responses.ts';
import { EngineError } from '../errors.ts';
import type { GatewayPorts } from '../ports.ts';
import { STREAM_HEADERS } from '../stream.ts';
import { encodeResponse, errorOf, type ResponseEncoder, type ResponseError } from './encode.ts';
import { createEnvelope } from './envelope.ts';
import type { History } from './history.ts';
import { INCLUDES, type ResponsesBody } from './request.ts';
import type { RunningResponse } from './running.ts';
import type { Toolbox } from './tools.ts';

export interface Asked {
  readonly owner: string;
  /** The body as it was sent. */
  readonly raw: unknown;
  readonly body: ResponsesBody;
  readonly history: History;
  readonly toolbox: Toolbox;
}

export interface ResponseInMaking extends RunningResponse {
  readonly id: string;
  readonly encoder: ResponseEncoder;
  /** The same model, seen: what it says is taken into the response, and its end waits until the response is kept. */
  watched(stream: StreamModel): StreamModel;
  answeredBy(model: string): void;
  /** The whole answer, as JSON. */
  whole(): Buffer;
  /** The answer to an error that is none of HTTP; undefined for those that are. Only as long as nothing was sent. */
  farewell(error: unknown): unknown;
}

const CANCELLED: ResponseError = { code: 'cancelled', message: 'The response was cancelled.' };

export function makeResponse(asked: Asked, reply: FastifyReply, ports: GatewayPorts): ResponseInMaking {
  const { body, owner } = asked;
  const streamed = body.stream === true;
  const id = ports.newId('resp');
  const createdAt = ports.clock.now();
  const envelope = createEnvelope({ id, createdAt: Math.floor(createdAt / 1000), raw: asked.raw, body });
  const keeping = createKeeping({ ...asked, id, createdAt }, ports);
  const encoder = encodeResponse({ ...encoding(asked, reply, ports), envelope, streamed, stored: keeping.stored });
  const cancelling = new AbortController();
  const ended = () => keeping.keep(encoder.settle());
  return {
    id,
    owner,
    encoder,
    inProgress: () => envelope.begun(keeping.stored()),
    cancel: () => {
      cancelling.abort();
      keeping.drop();
      return encoder.cancelled();
    },
    watched: (stream) => (chat, signal) => {
      const events = stream(chat, AbortSignal.any([signal, cancelling.signal]));
      if (!streamed) return followed(events, encoder, ended);
      return keeping.stored() ? followed(events, undefined, ended) : events;
    },
    answeredBy: (model) => envelope.answeredBy(model),
    whole: () => json(reply, encoder.settle() ?? encoder.cancelled()),
    farewell: (error) => {
      if (cancelling.signal.aborted)
        return streamed ? failed(reply, encoder, CANCELLED) : json(reply, encoder.cancelled());
      // A client of this dialect understands a too long conversation only as an event.
      if (streamed && error instanceof EngineError && error.event.code === 'context_exceeded')
        return failed(reply, encoder, errorOf(error.event));
      return undefined;
    },
  };
}

/** An answer that is written as JSON already. */
export function json(reply: FastifyReply, text: string): Buffer {
  void reply.type('application/json; charset=utf-8');
  return Buffer.from(text);
}

function encoding({ body, toolbox }: Asked, { raw }: FastifyReply, ports: GatewayPorts) {
  const summary = body.reasoning?.summary ?? body.reasoning?.generate_summary ?? undefined;
  return {
    toolbox,
    summary: summary !== undefined,
    encrypted: body.include?.includes(INCLUDES.thinking) === true,
    newId: (prefix: string) => ports.newId(prefix),
    now: () => Math.floor(ports.clock.now() / 1000),
    canTake: () => !raw.writableNeedDrain && !raw.destroyed,
  };
}

interface ToKeep extends Asked {
  readonly id: string;
  readonly createdAt: number;
}

/** `stored` tells whether it will be kept and, at the end, whether it was. */
function createKeeping(made: ToKeep, { responses, logger }: GatewayPorts) {
  const store: ResponseStore | undefined = made.body.store === false ? undefined : responses;
  let stored = store !== undefined;
  return {
    stored: () => stored,
    drop: () => {
      stored = false;
    },
    keep: async (response: string | undefined): Promise<void> => {
      if (!stored || response === undefined) return;
      try {
        await store?.save(storedForm(made, JSON.parse(response) as JsonObject));
      } catch (error) {
        // The answer is there, so it is given; that it is not kept is told in it.
        stored = false;
        logger.error('a response could not be stored', { response: made.id, message: String(error) });
      }
    },
  };
}

function storedForm({ id, owner, createdAt, body, history }: ToKeep, response: JsonObject): StoredResponse {
  const previous = body.previous_response_id ?? undefined;
  return {
    id,
    owner,
    ...(previous === undefined ? {} : { previous }),
    createdAt,
    response,
    input: history.input,
    output: response['output'] as readonly JsonObject[],
  };
}

/** `taker` sees each event before it goes on; `ended` is awaited before the end is told. */
async function* followed(
  events: AsyncIterable<ModelEvent>,
  taker: ResponseEncoder | undefined,
  ended: () => Promise<void>,
): AsyncGenerator<ModelEvent> {
  for await (const event of events) {
    if (event.type !== 'error') taker?.event(event, undefined);
    yield event;
  }
  await ended();
}

function failed(reply: FastifyReply, encoder: ResponseEncoder, error: ResponseError): FastifyReply {
  return reply.headers(STREAM_HEADERS).send(encoder.failedStream(error));
}
