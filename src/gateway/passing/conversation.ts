// Owns the look at the messages of a request in their bytes: enough to know whether they can stay as they are. Reads no text of them.
import type { Message, ToolCall } from '../../contracts/messages.ts';
import { needsMending } from '../mend/mend.ts';
import { readList, readMembers, type Span, textAt, valueAt } from './top-level.ts';

/** Only where it is sure: roles that are known, results in the order of their calls, nothing that a template could stumble over. */
export function canStay(bytes: Buffer, list: Span): boolean {
  const items = readList(bytes, list);
  if (items === undefined || items.length === 0) return false;
  const messages: Message[] = [];
  for (const item of items) {
    const message = outlineOf(bytes, item);
    if (message === undefined) return false;
    messages.push(message);
  }
  return !needsMending(messages);
}

/** Who speaks and which calls it is about; the text is left out. */
function outlineOf(bytes: Buffer, item: Span): Message | undefined {
  const members = readMembers(bytes, item);
  if (members === undefined) return undefined;
  const role = textAt(bytes, members.get('role'));
  if (!hasContent(bytes, members.get('content'), role)) return undefined;
  if (role === 'system' || role === 'user') return { role, content: '' };
  if (role === 'tool') {
    const callId = textAt(bytes, members.get('tool_call_id'));
    return callId === undefined ? undefined : { role, callId, content: '' };
  }
  if (role !== 'assistant' || members.has('function_call')) return undefined;
  const toolCalls = callsOf(valueAt(bytes, members.get('tool_calls')));
  if (toolCalls === undefined) return undefined;
  // One without calls has text: that was looked at.
  return toolCalls.length === 0 ? { role, content: 'text' } : { role, content: '', toolCalls };
}

/** Text, or parts for a user. An answer with calls may have none, and an empty one without is left to the other way. */
function hasContent(bytes: Buffer, span: Span | undefined, role: string | undefined): boolean {
  if (span === undefined) return role === 'assistant';
  const first = String.fromCharCode(bytes[span.start] ?? 0);
  if (first === '[') return role === 'user';
  if (first === 'n') return role === 'assistant';
  return first === '"' && (role !== 'assistant' || /\S/.test(bytes.toString('latin1', span.start + 1, span.end - 1)));
}

function callsOf(value: unknown): readonly ToolCall[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return undefined;
  const calls = (value as readonly unknown[]).flatMap((call): ToolCall[] =>
    typeof call === 'object' && call !== null && 'id' in call && typeof call.id === 'string'
      ? [{ id: call.id, name: '', arguments: '' }]
      : [],
  );
  return calls.length === value.length ? calls : undefined;
}
