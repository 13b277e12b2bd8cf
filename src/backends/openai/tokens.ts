// Owns the counting of a prompt by the engine itself, as vLLM does it. Knows no connection.
import type { IncomingMessage } from 'node:http';
import { late } from '../../base/schema.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import { readHead } from './connection.ts';
import { conversationOf } from './conversation.ts';
import { templateWishes, toolOf } from './request.ts';

const ANSWER_BYTES = 16 * 1024 * 1024;

const schema = late((z) => z.looseObject({ count: z.int().min(0) }));

/** The same words that the chat request has for its template. */
export function tokenizeBody(request: ChatRequest, without: ReadonlySet<string>): object {
  const { model, messages, tools = [] } = request;
  const wishes = templateWishes(request);
  return {
    model,
    messages: conversationOf(messages, without),
    add_generation_prompt: true,
    ...(tools.length === 0 ? {} : { tools: tools.map((tool) => toolOf(tool, without)) }),
    ...(wishes === undefined ? {} : { chat_template_kwargs: wishes }),
  };
}

/** Undefined if it is no count. Rejects as the connection does. */
export async function readCount(answer: IncomingMessage): Promise<number | undefined> {
  const text = await readHead(answer, ANSWER_BYTES);
  try {
    const parsed = schema().safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.count : undefined;
  } catch {
    return undefined;
  }
}
