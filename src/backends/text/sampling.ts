// Owns how a model is sampled for a request: as the client says, else as the model likes it. Knows no engine.
import type { ChatRequest } from '../../contracts/messages.ts';
import type { ModelProfile, Sampling } from '../../contracts/model-profile.ts';

/** What the model likes for calls, for thinking, or for text; without a profile nothing is known. */
export function likedSampling(
  { tools = [] }: Pick<ChatRequest, 'tools'>,
  profile: ModelProfile | undefined,
  opensThinking: boolean,
): Sampling {
  if (profile === undefined) return {};
  if (tools.length > 0) return profile.sampling.toolCalls;
  return opensThinking ? profile.sampling.thinking : profile.sampling.text;
}

export type SamplingNumbers = Partial<
  Record<'temperature' | 'topP' | 'topK' | 'seed' | 'presencePenalty' | 'frequencyPenalty', number>
>;

/** Only what somebody said. */
export function samplingOf(request: ChatRequest, liked: Sampling): SamplingNumbers {
  const { seed, presencePenalty, frequencyPenalty } = request;
  const temperature = request.temperature ?? liked.temperature;
  const topP = request.topP ?? liked.topP;
  const topK = request.topK ?? liked.topK;
  const all = { temperature, topP, topK, seed, presencePenalty, frequencyPenalty };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
