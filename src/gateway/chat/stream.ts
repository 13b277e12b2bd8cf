// Owns the streaming of one answer: first event or a proper error, keep-alives in silence, a broken connection if it was cut.
import type { ModelEvent } from '../../contracts/model-events.ts';
import type { GatewayPorts } from '../ports.ts';
import type { Sink } from '../sink.ts';
import { type AnswerSoFar, cut, finishOf, newAnswer, takeEvent } from './answer.ts';
import { deltaOf, encodeDelta, encodeUsage, type Envelope, STREAM_END } from './encode.ts';

export const STREAM_HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };

/**
 * Throws only while nothing was written: the caller answers with a status. After that, whatever fails resets the connection.
 * Gives the answer as far as it came.
 */
export async function streamAnswer(
  events: AsyncIterable<ModelEvent>,
  sink: Sink,
  envelope: Envelope,
  { includeUsage, ports }: { readonly includeUsage: boolean; readonly ports: Pick<GatewayPorts, 'limits' | 'newId'> },
): Promise<AnswerSoFar> {
  const answer = newAnswer();
  const silence = keepAlive(sink, envelope, ports.limits.sseKeepAliveMs);
  try {
    for await (const event of events) {
      if (sink.signal.aborted) break;
      const before = answer.calls.size;
      const call = takeEvent(answer, event, ports.newId);
      const delta = deltaOf(event, call, answer.calls.size > before);
      if (delta === undefined) continue;
      silence.broken();
      await sink.write(`${opening(sink, envelope)}${encodeDelta(envelope, delta, null)}`);
    }
    const finish = finishOf(answer);
    const usage = includeUsage && answer.usage !== undefined ? encodeUsage(envelope, answer.usage) : '';
    await sink.write(`${opening(sink, envelope)}${encodeDelta(envelope, {}, finish)}${usage}${STREAM_END}`);
    sink.end();
  } catch (error) {
    if (!sink.started && !sink.signal.aborted) throw error;
    sink.reset();
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
): Promise<{ readonly answer: AnswerSoFar; readonly finish: string }> {
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

/** The role comes once, before everything else. */
function opening(sink: Sink, envelope: Envelope): string {
  return sink.started ? '' : encodeDelta(envelope, { role: 'assistant', content: '' }, null);
}

/** Several clients count only chunks as life, so an empty one is sent, and the headers with the first. */
function keepAlive(sink: Sink, envelope: Envelope, everyMs: number) {
  const tick = () => {
    if (sink.started) sink.offer(encodeDelta(envelope, {}, null));
    else void sink.write(opening(sink, envelope));
  };
  const timer = setInterval(tick, everyMs);
  return { broken: () => timer.refresh(), end: () => clearInterval(timer) };
}
