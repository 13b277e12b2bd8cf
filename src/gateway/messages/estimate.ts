// Owns the guess at tokens where no engine counts them. Knows no tokenizer.
import type { ChatRequest, ContentPart, Message } from '../../contracts/messages.ts';

/** English prose has more bytes in a token and code has fewer: who plans by the guess should rather stop early than late. */
const BYTES_PER_TOKEN = 3.5;
/** Marks around each message and each tool. */
const TOKENS_AROUND = 4;
const TOKENS_PER_IMAGE = 1600;

export function estimatePrompt({ messages, tools = [] }: Pick<ChatRequest, 'messages' | 'tools'>): number {
  let tokens = (messages.length + tools.length) * TOKENS_AROUND;
  for (const message of messages) tokens += messageTokens(message);
  for (const { name, description, parameters } of tools)
    tokens += estimateText(`${name}${description}${JSON.stringify(parameters)}`);
  return tokens;
}

export function estimateText(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

function messageTokens(message: Message): number {
  const content = contentTokens(message.content);
  if (message.role !== 'assistant') return content;
  const calls = message.toolCalls?.map((call) => estimateText(`${call.name}${call.arguments}`) + TOKENS_AROUND) ?? [];
  return content + estimateText(message.reasoning ?? '') + calls.reduce((sum, tokens) => sum + tokens, 0);
}

function contentTokens(content: string | readonly ContentPart[]): number {
  if (typeof content === 'string') return estimateText(content);
  return content
    .map((part) => (part.type === 'text' ? estimateText(part.text) : TOKENS_PER_IMAGE))
    .reduce((sum, tokens) => sum + tokens, 0);
}
