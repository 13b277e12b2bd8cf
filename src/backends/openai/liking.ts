// Owns what a request to an engine gets of what its model likes, where the client says nothing of it. Knows no file and no connection.
import type { Json, JsonObject } from '../../base/json.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import { GENERIC_PROFILE, type ModelProfile, type Sampling } from '../../contracts/model-profile.ts';
import type { PassBytes, PassingControl, PassingOrder } from '../../contracts/passing.ts';
import { isThinkingOff, thinkingArguments, withThinkingWord } from '../../prompting/thinking.ts';
import { likedSampling } from '../text/sampling.ts';

export type ProfileOf = (model: string) => ModelProfile;

/**
 * Sampling, variables of the template, and the word that switches thinking off: nothing that the client gave is changed. Of a model that
 * no file is of nothing is known: its engine may refuse what others like.
 */
export function asLiked(request: ChatRequest, profile: ModelProfile): ChatRequest {
  if (profile.name === GENERIC_PROFILE) return request;
  const given = request.extra?.['chat_template_kwargs'];
  const liked = thinkingArguments(request, profile);
  const messages = withThinkingWord(request.messages, request, profile);
  const known = isObject(given) ? given : {};
  const { temperature, topP, topK } = likedSampling(
    request,
    profile,
    profile.thinksByDefault && !isThinkingOff(request),
  );
  return {
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
    ...request,
    messages,
    ...(Object.keys(liked).length === 0
      ? {}
      : { extra: { ...request.extra, chat_template_kwargs: { ...liked, ...known } } }),
  };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The way for bytes, on which they get the same; what must be read for that is refused here. */
export function passLiked(send: PassBytes, profileOf: ProfileOf): PassBytes {
  return (order, listener) => {
    const body = bytesAsLiked(order, profileOf(order.model));
    if (body !== undefined) return send({ ...order, body }, listener);
    listener.refused();
    return NOTHING_SENT;
  };
}

const NOTHING_SENT: PassingControl = { pause: () => {}, resume: () => {}, stop: () => {} };

/** Members that steer the thinking: what a model likes beside them shows only when they are read. */
const THINKING_MEMBERS: readonly string[] = ['chat_template_kwargs', 'reasoning_effort', 'thinking', 'enable_thinking'];

/**
 * The same in the bytes of a body: what the model likes is put in front of its members. Undefined: the request must be read. `order.has`:
 * whether its body has that member.
 */
export function bytesAsLiked(
  { body, has }: Pick<PassingOrder, 'body' | 'has'>,
  profile: ModelProfile,
): Uint8Array | undefined {
  if (profile.name === GENERIC_PROFILE) return body;
  const members = likedMembers(has, profile);
  if (Object.keys(members).length === 0) return body;
  if (THINKING_MEMBERS.some(has)) return undefined;
  const at = body.indexOf(OPENS) + 1;
  const text = JSON.stringify(members).slice(1, -1);
  return Buffer.concat([body.subarray(0, at), Buffer.from(`${text},`), body.subarray(at)]);
}

const OPENS = 0x7b;

function likedMembers(has: (name: string) => boolean, profile: ModelProfile): object {
  const { toolCalls, thinking, text } = profile.sampling;
  const { temperature, topP, topK }: Sampling = has('tools') ? toolCalls : profile.thinksByDefault ? thinking : text;
  const liked = {
    temperature,
    top_p: topP,
    top_k: topK,
    chat_template_kwargs: Object.keys(profile.templateArguments).length === 0 ? undefined : profile.templateArguments,
  };
  return Object.fromEntries(Object.entries(liked).filter(([name, value]) => value !== undefined && !has(name)));
}
