// Owns how a text to go on with is written for an OpenAI-compatible endpoint. Knows no connection.
import type { ChatRequest } from '../../contracts/messages.ts';
import { textOf } from '../../contracts/messages.ts';
import { furtherFields, settings } from './request.ts';
import { teamFields } from './teams.ts';

/** Streamed, for the same reasons as chat. `without`: fields this endpoint does not take. */
export function completionBody(request: ChatRequest, without: ReadonlySet<string>): object {
  const { model, messages, logprobs } = request;
  const { logprobs: _, top_logprobs: __, response_format: ___, ...asked } = settings(request, without);
  return {
    ...Object.fromEntries(furtherFields(request).filter(([name]) => !without.has(name))),
    model,
    prompt: messages.map(({ content }) => textOf(content)).join(''),
    stream: true,
    ...(without.has('stream_options') ? {} : { stream_options: { include_usage: true } }),
    ...asked,
    ...teamFields(request, without),
    ...(logprobs === undefined ? {} : { logprobs }),
  };
}
