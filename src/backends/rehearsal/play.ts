// Owns the events of one recorded reply, in pieces as an engine sends them. Knows no request.
import type { FinishReason, ModelEvent } from '../../contracts/model-events.ts';
import { isWholeCall } from '../../contracts/whole-call.ts';
import type { RehearsalReply, RehearsedCall } from './script.ts';

const LONGEST_PIECE = 40;
const FEWEST_PIECES = 3;

/** `turn`: index of the turn; it makes the ids of the calls distinct within the conversation. */
export function* playReply(reply: RehearsalReply, turn: number): Generator<ModelEvent> {
  const { reasoning = '', text = '', calls = [], usage = { promptTokens: 0, completionTokens: 0 } } = reply;
  const finish = reply.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop');
  for (const piece of pieces(reasoning)) yield { type: 'reasoning', text: piece };
  for (const piece of pieces(text)) yield { type: 'text', text: piece };
  for (const [index, call] of calls.entries()) yield* playCall(call, { index, turn, finish, last: calls.length - 1 });
  yield { type: 'usage', ...usage };
  yield { type: 'finish', reason: finish };
}

function* playCall(
  call: RehearsedCall,
  { index, turn, finish, last }: { index: number; turn: number; finish: FinishReason; last: number },
): Generator<ModelEvent> {
  const written = call.raw ?? JSON.stringify(call.arguments);
  yield { type: 'tool_call', index, id: `call_${turn}_${index}`, name: call.name, complete: false };
  for (const piece of pieces(written)) yield { type: 'tool_call', index, arguments: piece, complete: false };
  if (isWholeCall(written, finish, index === last)) yield { type: 'tool_call', index, complete: true };
}

function pieces(text: string): readonly string[] {
  const characters = Array.from(text);
  const length = Math.min(LONGEST_PIECE, Math.ceil(characters.length / FEWEST_PIECES));
  const parts: string[] = [];
  for (let at = 0; at < characters.length; at += length) parts.push(characters.slice(at, at + length).join(''));
  return parts;
}
