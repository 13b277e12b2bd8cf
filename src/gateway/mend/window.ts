// Owns whether the limit on the tokens of an answer can be held beside its prompt. Counts no token: a byte is the smallest one.
import type { ChatRequest, ContentPart, Message } from '../../contracts/messages.ts';

/**
 * Whether prompt and answer may be more than the window holds. An engine would refuse such a limit, where without one it gives the
 * answer all that is left. `window`: tokens.
 */
export function mayOverflow({ messages, tools = [], maxTokens = 0 }: ChatRequest, window: number): boolean {
  let bytes = maxTokens;
  for (const message of messages) {
    bytes += bytesOf(message);
    if (bytes > window) return true;
  }
  for (const { name, description, parameters } of tools)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(description) + Buffer.byteLength(JSON.stringify(parameters));
  return bytes > window;
}

/** Pictures are left out: their bytes say nothing of their tokens. */
function bytesOf(message: Message): number {
  const content = contentBytes(message.content);
  if (message.role !== 'assistant') return content;
  const calls = message.toolCalls ?? [];
  return calls.reduce(
    (sum, call) => sum + Buffer.byteLength(call.name) + Buffer.byteLength(call.arguments),
    content + Buffer.byteLength(message.reasoning ?? ''),
  );
}

function contentBytes(content: string | readonly ContentPart[]): number {
  if (typeof content === 'string') return Buffer.byteLength(content);
  return content.reduce((sum, part) => sum + (part.type === 'text' ? Buffer.byteLength(part.text) : 0), 0);
}
