// Owns how a model is told whether and how much to think: variables of its template, words in its system text. Knows no engine.
import type { JsonObject } from '../base/json.ts';
import type { ChatRequest, Message } from '../contracts/messages.ts';
import type { ModelProfile } from '../contracts/model-profile.ts';

type Wish = Pick<ChatRequest, 'thinking' | 'extra'>;

/** Variables of the template as the profile has them for this wish; what the request itself names goes over them. */
export function thinkingArguments(wish: Wish, { templateArguments, thinking = {} }: ModelProfile): JsonObject {
  const { effort } = wish.thinking ?? {};
  const isLess = effort === 'minimal' || effort === 'low';
  return {
    ...templateArguments,
    ...(isLess ? thinking.less : {}),
    ...(isThinkingOff(wish) ? thinking.off?.templateArguments : {}),
  };
}

/** Models that listen to a word of the system text are told there not to think, unless it stands there already. */
export function withThinkingWord(
  messages: readonly Message[],
  wish: Wish,
  { thinking }: ModelProfile,
): readonly Message[] {
  const word = thinking?.off?.systemText;
  if (word === undefined || !isThinkingOff(wish)) return messages;
  const [first, ...rest] = messages;
  if (first?.role !== 'system') return [{ role: 'system', content: word }, ...messages];
  return first.content.includes(word) ? messages : [{ ...first, content: `${first.content} ${word}`.trim() }, ...rest];
}

export function isThinkingOff({ thinking, extra }: Wish): boolean {
  const given = extra?.['chat_template_kwargs'];
  const own = typeof given === 'object' && given !== null && 'enable_thinking' in given ? given.enable_thinking : null;
  return (thinking?.enabled ?? own ?? (thinking?.effort === 'none' ? false : null)) === false;
}
