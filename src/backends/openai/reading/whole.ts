// Owns the reading of a chat answer that comes in one piece, as the one chunk that it would be. Knows no request.
import type { IncomingMessage } from 'node:http';
import type { ModelEvent } from '../../../contracts/model-events.ts';
import { readHead } from '../connection.ts';
import { garbageEvent, tooLongEvent } from '../failure.ts';
import type { AnswerOptions } from './answer.ts';

/** Ends after an `error` event, or with the body. Rejects as the body does. */
export async function* readWhole(answer: IncomingMessage, options: AnswerOptions): AsyncGenerator<ModelEvent> {
  const { address, reader, patience, maxBytes } = options;
  const text = await patience.awaiting(readHead(answer, maxBytes + 1));
  if (Buffer.byteLength(text) > maxBytes) {
    yield tooLongEvent(maxBytes);
    return;
  }
  const chunk = chunkOf(text);
  if (chunk === undefined) {
    const contentType = answer.headers['content-type'] ?? '';
    yield garbageEvent(address, { wanted: 'a whole chat answer', contentType, shown: text });
    return;
  }
  const events = reader.take(chunk);
  yield* events;
  if (events.at(-1)?.type !== 'error') yield* reader.end();
}

type Fields = Readonly<Record<string, unknown>>;

/** Each choice with its message as its delta; undefined for what is no answer. */
function chunkOf(text: string): object | undefined {
  const answer = fieldsIn(text);
  if (answer === undefined) return undefined;
  const { choices } = answer;
  if (!Array.isArray(choices)) return answer['error'] === undefined ? undefined : answer;
  return {
    ...answer,
    choices: (choices as readonly Fields[]).map((choice) => ({ ...choice, delta: deltaOf(choice) })),
  };
}

/** Calls have no numbers in a message. */
function deltaOf({ message }: Fields): unknown {
  if (typeof message !== 'object' || message === null || !('tool_calls' in message)) return message;
  const { tool_calls: calls } = message;
  if (!Array.isArray(calls)) return message;
  return { ...message, tool_calls: (calls as readonly Fields[]).map((call, index) => ({ ...call, index })) };
}

function fieldsIn(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}
