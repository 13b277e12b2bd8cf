// Owns the Responses form of one answer, streamed or whole: its events in order, numbered without gaps, and its end. Knows no request.
import type { FinishReason, ModelErrorEvent, ModelEvent } from '../../contracts/model-events.ts';
import type { StreamEncoder } from '../stream.ts';
import type { Ending, Envelope } from './envelope.ts';
import type { Say } from './item-events.ts';
import { createOutput, type Output, type OutputOptions } from './output.ts';

/** Numbers 0 and 1 are those of the two events that open a stream, which are written after the first event was taken. */
const FIRST_NUMBER = 2;

const CODES: Partial<Readonly<Record<ModelErrorEvent['code'], string>>> = {
  context_exceeded: 'context_length_exceeded',
  invalid_input: 'invalid_prompt',
  model_not_found: 'invalid_prompt',
};

export interface EncodeOptions extends Omit<OutputOptions, 'say'> {
  readonly envelope: Envelope;
  /** False: only the object at the end is asked for. */
  readonly streamed: boolean;
  /** Whether the answer is kept, as far as it is known now. */
  readonly stored: () => boolean;
  /** Seconds since 1970. */
  readonly now: () => number;
  /** False while the client takes nothing: what is offered then would be lost, and its number with it. */
  readonly canTake: () => boolean;
}

export interface ResponseEncoder extends StreamEncoder {
  /** Call it when the last event was taken: the object, as JSON, of an answer that is whole; undefined for any other. */
  settle(): string | undefined;
  /** The object of an answer that was given up on request, with the items that were whole. */
  cancelled(): string;
  /** All of a stream that failed before its first event. */
  failedStream(error: ResponseError): string;
  /** Items that are whole so far, as JSON. */
  readonly items: readonly string[];
}

export function encodeResponse(options: EncodeOptions): ResponseEncoder {
  const { envelope, streamed } = options;
  let number = FIRST_NUMBER;
  const say: Say = (type, fields) => (streamed ? frame(type, number++, fields) : '');
  const output = createOutput({ ...options, say });
  const ending = createEnding(options, output);
  const begun = () => `"response":${envelope.begun(options.stored())}`;
  const open = () => frame('response.created', 0, begun()) + frame('response.in_progress', 1, begun());
  const fail = (error: ResponseError) =>
    say('response.failed', `"response":${ending.object({ status: 'failed', error })}`);
  return {
    open,
    event: (event) => {
      ending.take(event);
      return output.take(event);
    },
    // The last events have their numbers once the answer is settled.
    keepAlive: () => (options.canTake() && !ending.isSettled() ? say('response.in_progress', begun()) : ''),
    close: () => {
      const { events, status, response } = ending.settle();
      return events + say(`response.${status}`, `"response":${response}`);
    },
    failure: (event) => fail(errorOf(event)),
    settle: () => (ending.isWhole() ? ending.settle().response : undefined),
    cancelled: () => ending.object({ status: 'cancelled' }),
    failedStream: (error) => open() + fail(error),
    items: output.items,
  };
}

function createEnding({ envelope, stored, now }: EncodeOptions, output: Output) {
  let finish: FinishReason | undefined;
  let settled: { readonly events: string; readonly completedAt: number } | undefined;
  const object = (given: Pick<Ending, 'status' | 'finish' | 'error' | 'completedAt'>) =>
    envelope.ended({
      ...given,
      output: output.items,
      stored: stored(),
      ...(output.usage === undefined ? {} : { usage: output.usage }),
    });
  return {
    object,
    take: (event: ModelEvent) => {
      if (event.type === 'finish') finish = event.reason;
    },
    isWhole: () => finish !== undefined && finish !== 'abort' && !output.hasOpenCall,
    isSettled: () => settled !== undefined,
    /** The events that close what is open, and the object; whether it is stored may still change. */
    settle: () => {
      const status = finish === 'length' || finish === 'content_filter' ? 'incomplete' : 'completed';
      const { events, completedAt } = (settled ??= { events: output.end(status), completedAt: now() });
      const response =
        status === 'completed'
          ? object({ status, completedAt })
          : object({ status, ...(finish === undefined ? {} : { finish }) });
      return { events, status, response };
    },
  };
}

export interface ResponseError {
  readonly code: string;
  readonly message: string;
}

export function errorOf({ code, message }: ModelErrorEvent): ResponseError {
  return { code: CODES[code] ?? 'server_error', message: wordsFor(code, message) };
}

function frame(type: string, number: number, fields: string): string {
  return `event: ${type}\ndata: {"type":"${type}","sequence_number":${number},${fields}}\n\n`;
}

/** An engine's own words may say where it lives, so only what matters of them is told. */
function wordsFor(code: ModelErrorEvent['code'], message: string): string {
  if (code === 'context_exceeded') {
    const tokens = /maximum context length is (\d+)/.exec(message)?.[1];
    const window = tokens === undefined ? '' : ` This model's maximum context length is ${tokens} tokens.`;
    return `The conversation is longer than the model takes.${window} Send a shorter one.`;
  }
  if (code === 'model_not_found') return 'The model is not served here.';
  return code === 'invalid_input' ? 'The engine refuses the request.' : 'The engine failed.';
}
