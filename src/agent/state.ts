// Owns what the loop remembers between two model answers. Knows no port and no file.
import type { Message, ToolCall } from '../contracts/messages.ts';
import type { FinishClaim } from '../contracts/tools.ts';

/** Everything the loop decides on. It only grows: `messages` is the conversation as the next request sends it. */
export interface AgentState {
  readonly messages: Message[];
  /** Model answers so far. */
  steps: number;
  promptTokens: number;
  completionTokens: number;
  /** Answers in a row without a usable call. */
  formatErrors: number;
  /** Claims to be done that the checks refuted. */
  failedFinishes: number;
  /** How often the last call came in a row with the same arguments and the same result. */
  repeats: number;
  /** Call, arguments and result of the last executed call. */
  lastCall: string;
  /** A claim that was made but not yet checked, with the id of its call ('' if it was made in words). */
  claim: PendingClaim | undefined;
  /** Calls of the last answer that have no result yet, in order. */
  pendingCalls: readonly ToolCall[];
  /** Content hash of the last request, '' before the first. */
  lastRequest: string;
  /** Messages that the last request held. */
  sent: number;
}

export interface PendingClaim extends FinishClaim {
  readonly call: string;
}

export function newState(messages: readonly Message[]): AgentState {
  return {
    messages: [...messages],
    steps: 0,
    promptTokens: 0,
    completionTokens: 0,
    formatErrors: 0,
    failedFinishes: 0,
    repeats: 0,
    lastCall: '',
    claim: undefined,
    pendingCalls: [],
    lastRequest: '',
    sent: 0,
  };
}
