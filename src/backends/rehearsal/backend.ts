// Owns a recorded conversation as a backend: it plays replies, and fails loudly when the run leaves the script. Knows no tool.
import { setTimeout as delay } from 'node:timers/promises';
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelErrorEvent, ModelEvent } from '../../contracts/model-events.ts';
import type { Backend } from '../../contracts/ports.ts';
import { mismatchOf, receivedOf, showReceived } from './expect.ts';
import { playReply } from './play.ts';
import type { RehearsalReply, RehearsalScript } from './script.ts';

type Turn =
  | { readonly ok: true; readonly index: number; readonly reply: RehearsalReply }
  | { readonly ok: false; readonly error: ModelErrorEvent };

/** Holds no state: the turn is told by the answers already in the request, so that resumed and parallel runs find their place. */
export function createRehearsal(script: RehearsalScript, file: string): Backend {
  const name = `rehearsal:${script.name}`;
  return {
    name,
    recorded: true,
    declared: [script.model],
    models: async () => [{ id: script.model, backend: name }],
    stream: async function* stream(request, signal) {
      const turn = findTurn(script, file, request);
      if (turn.ok) yield* perform(turn, signal);
      else yield turn.error;
    },
  };
}

function findTurn({ turns }: RehearsalScript, file: string, request: ChatRequest): Turn {
  const index = request.messages.filter((message) => message.role === 'assistant').length;
  const received = receivedOf(request);
  const turn = turns[index];
  if (turn === undefined)
    return leftScript(
      `${file}: the script ends after turn ${turns.length}, and turn ${index + 1} was asked for; received ${showReceived(received)}`,
    );
  const mismatch = mismatchOf(turn.expect, received);
  if (mismatch !== undefined) return leftScript(`${file}: turn ${index + 1} ${mismatch}`);
  return { ok: true, index, reply: turn.reply };
}

async function* perform(
  { reply, index }: Extract<Turn, { ok: true }>,
  signal: AbortSignal,
): AsyncGenerator<ModelEvent> {
  if (reply.delay_ms !== undefined) await delay(reply.delay_ms, undefined, { signal }).catch(() => {});
  for (const event of playReply(reply, index)) {
    if (signal.aborted) {
      yield { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false };
      return;
    }
    yield event;
  }
}

function leftScript(message: string): Turn {
  return { ok: false, error: { type: 'error', code: 'rehearsal_left_script', message, retryable: false } };
}
