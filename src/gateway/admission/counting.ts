// Owns what one answer used, as its events pass by: exact where the engine says so to the end, else a guess. Knows no key and no limit.
import type { ChatRequest } from '../../contracts/messages.ts';
import { textOf } from '../../contracts/messages.ts';
import type { ModelEvent, Usage } from '../../contracts/model-events.ts';
import type { UsedAmount } from '../ports.ts';

export interface Counting {
  hear(event: ModelEvent): void;
  /** Undefined if the engine did nothing: it said no word, and it was not asked or refused. */
  amount(asked: boolean): UsedAmount | undefined;
}

/** Of English text and code; other scripts need more tokens. */
const CHARACTERS_PER_TOKEN = 4;

/** `promptTokens`: a guess, for answers whose engine does not say. */
export function createCounting(promptTokens: number): Counting {
  let characters = 0;
  let spoke = false;
  let refused = false;
  let finished = false;
  let said: Usage | undefined;
  return {
    hear: (event) => {
      if (event.type === 'error') {
        refused = event.code !== 'aborted';
        return;
      }
      if (event.type === 'passed_on') return;
      spoke = true;
      if (event.type === 'text' || event.type === 'reasoning') characters += event.text.length;
      else if (event.type === 'tool_call') characters += event.arguments?.length ?? 0;
      else if (event.type === 'usage') said = event;
      else if (event.type === 'finish') finished = event.reason !== 'abort';
    },
    amount: (asked) => {
      if (!spoke && (refused || !asked)) return undefined;
      if (said === undefined)
        return {
          exact: false,
          promptTokens,
          completionTokens: guessTokens(characters),
          cachedTokens: 0,
        };
      return {
        exact: finished,
        promptTokens: said.promptTokens,
        completionTokens: finished ? said.completionTokens : Math.max(said.completionTokens, guessTokens(characters)),
        cachedTokens: said.cachedTokens ?? 0,
      };
    },
  };
}

export function guessTokens(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN);
}

/** Without the tools, whose schemas would have to be printed. */
export function guessPromptTokens({ messages }: Pick<ChatRequest, 'messages'>): number {
  let characters = 0;
  for (const message of messages) {
    characters += textOf(message.content).length;
    if (message.role !== 'assistant') continue;
    characters += message.reasoning?.length ?? 0;
    for (const call of message.toolCalls ?? []) characters += call.name.length + call.arguments.length;
  }
  return guessTokens(characters);
}
