// Owns the replies of a recorded conversation. Plays replies only, and says so loudly when the run leaves the script.
import { setTimeout as delay } from 'node:timers/promises';
import type { ChatRequest, Message } from '../../contracts/messages.ts';
import type { ModelEvent } from '../../contracts/model-events.ts';
import type { Backend } from '../../contracts/ports.ts';
import { type Expectation, expectationsOf, type RehearsalReply, type RehearsalScript } from './script.ts';

const SHOWN = 400;
const FRAGMENT = 40;

interface Received {
  readonly tool: string;
  readonly text: string;
}

/** The turn is told by the answers already in the request, so that a resumed run finds its place. */
export function createRehearsal(script: RehearsalScript, file: string): Backend {
  return {
    name: `rehearsal:${script.name}`,
    recorded: true,
    models: async () => [{ id: script.model, backend: `rehearsal:${script.name}` }],
    stream: async function* stream(request, signal) {
      const index = request.messages.filter((message) => message.role === 'assistant').length;
      const turn = script.turns[index];
      if (turn === undefined) {
        yield leftScript(
          `${file}: the run asks for turn ${index + 1}, the script has ${script.turns.length}; received: ${show(received(request))}`,
        );
        return;
      }
      const problem = mismatch(expectationsOf(turn.expect), received(request));
      if (problem !== undefined) {
        yield leftScript(`${file}: turn ${index + 1} ${problem}`);
        return;
      }
      if (turn.reply.delay_ms !== undefined) await delay(turn.reply.delay_ms, undefined, { signal }).catch(() => {});
      if (signal.aborted) yield { type: 'error', code: 'aborted', message: 'aborted', retryable: false };
      else yield* play(turn.reply, index);
    },
  };
}

function leftScript(message: string): ModelEvent {
  return { type: 'error', code: 'rehearsal_left_script', message, retryable: false };
}

/** What follows the last answer: results of its calls, or words of a person. */
function received({ messages }: ChatRequest): readonly Received[] {
  const last = messages.findLastIndex((message) => message.role === 'assistant');
  const answer = messages[last];
  const names = new Map(
    answer?.role === 'assistant' ? (answer.toolCalls ?? []).map((call) => [call.id, call.name]) : [],
  );
  return messages.slice(last + 1).map((message) => ({
    tool: message.role === 'tool' ? (names.get(message.callId) ?? '') : '',
    text: textOf(message),
  }));
}

function textOf(message: Message): string {
  if (typeof message.content === 'string') return message.content;
  return message.content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/** Expectations and results are paired in order; results nobody asks about do not matter. */
function mismatch(expected: readonly Expectation[], got: readonly Received[]): string | undefined {
  let from = 0;
  for (const one of expected) {
    const at = got.findIndex((result, index) => index >= from && meets(one, result));
    if (at === -1) return `expected ${JSON.stringify(one)}, received: ${show(got)}`;
    from = at + 1;
  }
  return undefined;
}

function meets({ tool, status, text, pattern }: Expectation, result: Received): boolean {
  return (
    (tool === undefined || tool === result.tool) &&
    (status === undefined || (result.text.split('\n')[0] ?? '').startsWith(status)) &&
    (text === undefined || result.text.includes(text)) &&
    (pattern === undefined || new RegExp(pattern, 'm').test(result.text))
  );
}

function show(results: readonly Received[]): string {
  return JSON.stringify(results.map(({ tool, text }) => ({ tool, text: text.slice(0, SHOWN) })));
}

function* play(reply: RehearsalReply, turn: number): Generator<ModelEvent> {
  for (const text of fragments(reply.reasoning ?? '')) yield { type: 'reasoning', text };
  for (const text of fragments(reply.text ?? '')) yield { type: 'text', text };
  const calls = reply.calls ?? [];
  for (const [index, call] of calls.entries()) {
    const text = 'raw' in call ? call.raw : JSON.stringify(call.arguments);
    yield { type: 'tool_call', index, id: `call_${turn}_${index}`, name: call.name, complete: false };
    for (const part of fragments(text)) yield { type: 'tool_call', index, arguments: part, complete: false };
    yield { type: 'tool_call', index, complete: reply.finish !== 'length' || index < calls.length - 1 };
  }
  yield { type: 'usage', ...(reply.usage ?? { promptTokens: 0, completionTokens: 0 }) };
  yield { type: 'finish', reason: reply.finish ?? (calls.length > 0 ? 'tool_calls' : 'stop') };
}

function fragments(text: string): readonly string[] {
  const characters = [...text];
  const parts: string[] = [];
  for (let at = 0; at < characters.length; at += FRAGMENT) parts.push(characters.slice(at, at + FRAGMENT).join(''));
  return parts;
}
