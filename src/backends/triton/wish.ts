// Owns what is asked of a model for a request: sampling, length, stops, form. Knows no dialect and no template.
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelErrorEvent } from '../../contracts/model-events.ts';
import type { ModelProfile } from '../../contracts/model-profile.ts';
import { likedSampling, samplingOf } from '../text/sampling.ts';
import type { Wish } from './dialects.ts';
import { failure } from './failure.ts';

export interface Around {
  readonly prompt: string;
  /** Of the prompt, and of prompt and answer together, where they are known. */
  readonly promptTokens: number | undefined;
  readonly contextTokens: number | undefined;
  readonly stops: readonly string[];
  /** The form of the answer cannot be forced while the model thinks. */
  readonly opensThinking: boolean;
  readonly canConstrain: boolean;
  readonly profile: ModelProfile | undefined;
}

/** An engine that is told no limit stops after a few words, or never. */
const MAX_TOKENS = 16_384;

/** Or why the request cannot be met. */
export function wishOf(request: ChatRequest, around: Around): Wish | ModelErrorEvent {
  const { prompt, stops, profile, promptTokens, contextTokens } = around;
  if (request.logprobs !== undefined) return failure('not_supported', 'this engine gives no log-probabilities', false);
  const form = formOf(request, around);
  if (form !== undefined && 'type' in form) return form;
  const room = roomFor(promptTokens, contextTokens);
  if (room !== undefined && room < 1) {
    const message = `the prompt has ${promptTokens} tokens and the model holds ${contextTokens}, with the answer`;
    return failure('context_exceeded', message, false);
  }
  const liked = likedSampling(request, profile, around.opensThinking);
  return {
    prompt,
    maxTokens: Math.min(request.maxTokens ?? Math.max(MAX_TOKENS, liked.maxTokensAtLeast ?? 0), room ?? Infinity),
    ...samplingOf(request, liked),
    stop: [...new Set([...stops, ...(request.stop ?? [])])],
    stopTokenIds: profile?.output.stopTokenIds ?? [],
    ...form,
  };
}

function roomFor(promptTokens: number | undefined, contextTokens: number | undefined): number | undefined {
  return promptTokens === undefined || contextTokens === undefined ? undefined : contextTokens - promptTokens;
}

function formOf(
  { responseFormat }: ChatRequest,
  { opensThinking, canConstrain }: Around,
): Pick<Wish, 'schema'> | ModelErrorEvent | undefined {
  if (responseFormat === undefined || responseFormat.type === 'text') return undefined;
  if (!canConstrain) return failure('not_supported', 'this engine cannot hold an answer to a schema', false);
  if (opensThinking)
    return failure('not_supported', 'this engine cannot hold an answer to a schema while the model thinks', false);
  return { schema: responseFormat.type === 'json' ? { type: 'object' } : responseFormat.schema };
}
