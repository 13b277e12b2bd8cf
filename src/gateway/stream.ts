// Owns the streaming of one answer in any dialect: first event or a proper error, life in silence, a broken connection if it was cut.
import type { ModelErrorEvent, ModelEvent } from '../contracts/model-events.ts';
import { type AnswerSoFar, cut, type EndReason, finishOf, newAnswer, type TakenCall, takeEvent } from './answer.ts';
import { EngineError } from './errors.ts';
import type { GatewayPorts } from './ports.ts';
import type { Sink } from './sink.ts';

export const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };

/** One answer in the words of a dialect, made for each answer. Each function gives the text to send, '' for nothing. Must not throw. */
export interface StreamEncoder {
  /** Once, before everything else, and alone when nothing came for a while. */
  open(): string;
  /** `taken`: the call that the event belongs to. Never called with an error. */
  event(event: ModelEvent, taken: TakenCall | undefined): string;
  /** A genuine event that the clients of the dialect take for life and for nothing else. */
  keepAlive(): string;
  /** All that is left, for an answer that is whole. */
  close(answer: AnswerSoFar, finish: EndReason): string;
  /**
   * The farewell for an error that no repetition mends, where nothing of the answer was sent yet but `open` was; undefined: the
   * connection is reset, as it always is for other errors.
   */
  failure(event: ModelErrorEvent): string | undefined;
}

/**
 * Throws only while nothing was written: the caller answers with a status. After that, whatever fails ends in the dialect's own
 * farewell or in a reset. Gives the answer as far as it came; it is whole if `finish` is there and the sink ended.
 */
export async function streamAnswer(
  events: AsyncIterable<ModelEvent>,
  sink: Sink,
  encoder: StreamEncoder,
  ports: Pick<GatewayPorts, 'limits' | 'newId'>,
): Promise<AnswerSoFar> {
  const answer = newAnswer();
  const silence = keepAlive(sink, encoder, ports.limits);
  let spoken = false;
  const say = (text: string) => {
    silence.broken();
    return sink.write(sink.started ? text : `${encoder.open()}${text}`);
  };
  try {
    for await (const event of events) {
      if (sink.signal.aborted) break;
      const taken = takeEvent(answer, event, ports.newId);
      const text = encoder.event(event, taken);
      if (text === '') continue;
      spoken = true;
      await say(text);
    }
    if (sink.signal.aborted) throw cut('the client has gone');
    await say(encoder.close(answer, finishOf(answer)));
    sink.end();
  } catch (error) {
    if (!sink.started && !sink.signal.aborted) throw error;
    const farewell = spoken ? undefined : farewellOf(error, encoder);
    if (farewell === undefined) sink.reset();
    else {
      await sink.write(farewell);
      sink.end();
    }
  } finally {
    silence.end();
  }
  return answer;
}

/** Takes all events in. Throws `EngineError` if the answer failed or was cut, and if it outgrows the ceiling. */
export async function collectAnswer(
  events: AsyncIterable<ModelEvent>,
  signal: AbortSignal,
  { limits, newId }: Pick<GatewayPorts, 'limits' | 'newId'>,
): Promise<{ readonly answer: AnswerSoFar; readonly finish: EndReason }> {
  const answer = newAnswer();
  let characters = 0;
  for await (const event of events) {
    if (signal.aborted) throw cut('the client has gone');
    takeEvent(answer, event, newId);
    if (event.type === 'text' || event.type === 'reasoning') characters += event.text.length;
    if (event.type === 'tool_call') characters += event.arguments?.length ?? 0;
    if (characters > limits.modelAnswerBytes)
      throw cut(`the answer has more than ${limits.modelAnswerBytes} characters`);
  }
  return { answer, finish: finishOf(answer) };
}

function farewellOf(error: unknown, encoder: StreamEncoder): string | undefined {
  return error instanceof EngineError && !error.event.retryable ? encoder.failure(error.event) : undefined;
}

/** The headers go out with the first tick, which comes early: some clients wait for them less long than for an event. */
export function keepAlive(
  sink: Sink,
  encoder: Pick<StreamEncoder, 'open' | 'keepAlive'>,
  { sseFirstMs, sseKeepAliveMs }: GatewayPorts['limits'],
) {
  const start = () => {
    if (sink.started) return;
    // A failure is told by whoever waits for the first event.
    void sink.write(encoder.open());
    timer.refresh();
  };
  // The event is made only if it will be written: encoders count.
  const tick = () => {
    if (!sink.blocked) sink.offer(encoder.keepAlive());
  };
  const first = setTimeout(start, Math.min(sseFirstMs, sseKeepAliveMs));
  const timer = setInterval(tick, sseKeepAliveMs);
  return {
    broken: () => void timer.refresh(),
    end: () => {
      clearTimeout(first);
      clearInterval(timer);
    },
  };
}
