// Owns the mending of a request before an engine is asked, and its counting. Knows no dialect and no engine.
import type { ChatRequest } from '../../contracts/messages.ts';
import type { GatewayPorts } from '../ports.ts';
import { mend } from './mend.ts';
import { mayOverflow } from './window.ts';

/** The same request if nothing was to be done. What is mended is counted by its kind. */
export async function mended(
  chat: ChatRequest,
  { tally, contextTokens }: Pick<GatewayPorts, 'tally' | 'contextTokens'>,
): Promise<ChatRequest> {
  const { messages, kinds } = mend(chat.messages);
  for (const kind of kinds) tally.mended?.(kind);
  const request = messages === chat.messages ? chat : { ...chat, messages };
  if (request.maxTokens === undefined || contextTokens === undefined) return request;
  const window = await contextTokens(request.model);
  if (window === undefined || !mayOverflow(request, window)) return request;
  tally.mended?.('max_tokens_dropped');
  const { maxTokens: _, ...rest } = request;
  return rest;
}
