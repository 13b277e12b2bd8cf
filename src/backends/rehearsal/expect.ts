// Owns the comparison of what a turn expects with what the run sent. Knows no reply.
import { type ChatRequest, type Message, textOf } from '../../contracts/messages.ts';
import type { Expectation, RehearsalTurn } from './script.ts';

/** One message behind the last answer. `tool`: the name of the tool whose result it is, undefined for any other message. */
export interface Received {
  readonly tool?: string;
  readonly text: string;
}

const SHOWN = 400;

/** Results of the last answer's calls and words to the model since; system messages are left out. */
export function receivedOf({ messages }: ChatRequest): readonly Received[] {
  const last = messages.findLastIndex((message) => message.role === 'assistant');
  const names = namesOfCalls(messages[last]);
  return messages
    .slice(last + 1)
    .filter((message) => message.role !== 'system')
    .map((message) =>
      message.role === 'tool'
        ? { tool: names.get(message.callId) ?? `(no call has the id ${message.callId})`, text: textOf(message.content) }
        : { text: textOf(message.content) },
    );
}

/**
 * What was expected and not received, in words; undefined if all of it was. Expectations are met in order, each by a message
 * of its own; messages that nothing asks about do not matter.
 */
export function mismatchOf(expect: RehearsalTurn['expect'], received: readonly Received[]): string | undefined {
  let from = 0;
  for (const expectation of expectationsOf(expect)) {
    const at = received.findIndex((one, index) => index >= from && meets(expectation, one));
    if (at === -1) return `expected ${JSON.stringify(expectation)}, received ${showReceived(received)}`;
    from = at + 1;
  }
  return undefined;
}

export function showReceived(received: readonly Received[]): string {
  if (received.length === 0) return 'nothing';
  return JSON.stringify(received.map((one) => ({ ...one, text: one.text.slice(0, SHOWN) })));
}

function expectationsOf(expect: RehearsalTurn['expect']): readonly Expectation[] {
  if (expect === undefined) return [];
  return expect.all ?? [expect];
}

function meets({ tool, status, text, pattern, task }: Expectation, received: Received): boolean {
  return (
    (tool === undefined || tool === received.tool) &&
    (status === undefined || hasStatus(received, status)) &&
    (text === undefined || received.text.includes(text)) &&
    (pattern === undefined || new RegExp(pattern, 'm').test(received.text)) &&
    (task === undefined || (received.tool === undefined && received.text.includes(task)))
  );
}

/** A result says its status in its first line: `exit status: 1` must not be taken for `exit status: 12`. */
function hasStatus({ tool, text }: Received, status: string): boolean {
  if (tool === undefined || !text.startsWith(status)) return false;
  return !/^[\p{L}\p{N}_]/u.test(text.slice(status.length));
}

function namesOfCalls(answer: Message | undefined): ReadonlyMap<string, string> {
  const calls = answer?.role === 'assistant' ? (answer.toolCalls ?? []) : [];
  return new Map(calls.map((call) => [call.id, call.name]));
}
