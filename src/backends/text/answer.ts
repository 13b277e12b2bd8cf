// Owns the way from the words of an engine that only writes text to the events of an answer. Knows no engine and no template.
import type { Clock } from '../../base/clock.ts';
import { newId } from '../../base/ids.ts';
import type { FinishReason, ModelErrorEvent, ModelEvent, Usage } from '../../contracts/model-events.ts';
import type { OutputReader } from '../../prompting/format.ts';

/** `stop`: the one of the client that ended the text. */
export type TextPiece =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'end'; readonly reason: FinishReason; readonly usage?: Usage | undefined; readonly stop?: string }
  | { readonly type: 'failed'; readonly event: ModelErrorEvent };

/** A conversation: thinking, words and calls are told apart. */
export async function* readChat(
  pieces: AsyncIterable<TextPiece>,
  reader: OutputReader,
  clock: Pick<Clock, 'now'>,
): AsyncGenerator<ModelEvent> {
  for await (const piece of pieces) {
    if (piece.type === 'text') for (const event of reader.push(piece.text)) yield named(event, clock);
    else if (piece.type === 'failed') yield piece.event;
    else {
      if (piece.usage !== undefined) yield { type: 'usage', ...piece.usage };
      for (const event of reader.end(piece.reason))
        yield event.type === 'finish' ? { ...event, ...stopOf(piece) } : named(event, clock);
    }
  }
}

/** A text that goes on: nothing in it means anything. */
export async function* readText(pieces: AsyncIterable<TextPiece>): AsyncGenerator<ModelEvent> {
  for await (const piece of pieces) {
    if (piece.type === 'text') yield piece;
    else if (piece.type === 'failed') yield piece.event;
    else {
      if (piece.usage !== undefined) yield { type: 'usage', ...piece.usage };
      yield { type: 'finish', reason: piece.reason, ...stopOf(piece) };
    }
  }
}

function stopOf({ stop }: { readonly stop?: string }): { readonly stop?: string } {
  return stop === undefined ? {} : { stop };
}

/** In a text calls have no id. */
function named(event: ModelEvent, clock: Pick<Clock, 'now'>): ModelEvent {
  if (event.type !== 'tool_call' || event.name === undefined || event.id !== undefined) return event;
  return { ...event, id: newId('call', clock.now()) };
}
