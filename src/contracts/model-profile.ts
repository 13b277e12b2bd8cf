// Owns what the prompts and the outputs of one model look like and how it likes to be sampled. Knows no engine and no file.
import type { JsonObject } from '../base/json.ts';

/** How a model writes a call in its text. `none`: it has no way to. */
export type CallSyntax = 'xml' | 'json' | 'none';

export interface OutputProfile {
  /** The prompt ends inside an open thinking block: the first text of the answer is thought, without an opener. */
  readonly startsInsideThinking: boolean;
  readonly thinkingStart: string;
  readonly thinkingEnd: string;
  /** `xml`: <tool_call><function=NAME><parameter=KEY>…; `json`: <tool_call>{"name":…,"arguments":…}</tool_call> or <TOOLCALL>[…]. */
  readonly toolCalls: CallSyntax;
  /** Texts that end an answer where the engine shows them. */
  readonly stopTexts: readonly string[];
  readonly stopTokenIds: readonly number[];
}

/** Absent: the engine's or the model's own default. `maxTokensAtLeast`: below that an answer runs out while it still thinks. */
export interface Sampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly maxTokensAtLeast?: number;
}

/** Name of the profile of a model that no file is of. */
export const GENERIC_PROFILE = 'generic';

export interface ModelProfile {
  readonly name: string;
  /** Variables of the chat template beside messages and tools, as `chat_template_kwargs` has them. */
  readonly templateArguments: JsonObject;
  /** True if the model thinks unless it is told otherwise. */
  readonly thinksByDefault: boolean;
  /** How it is told to think not at all, or less. Absent: it cannot be told. */
  readonly thinking?: {
    readonly off?: { readonly templateArguments?: JsonObject; readonly systemText?: string };
    /** Template arguments. */
    readonly less?: JsonObject;
  };
  readonly output: OutputProfile;
  readonly sampling: { readonly thinking: Sampling; readonly toolCalls: Sampling; readonly text: Sampling };
}
