// Owns what a backend that takes text is given: the prompt of a request, and the reading of its answer. Knows no engine.
import type { ChatRequest } from '../contracts/messages.ts';
import type { FinishReason, ModelEvent } from '../contracts/model-events.ts';

export type Rendered =
  | { readonly type: 'prompt'; readonly text: string; readonly opensThinking: boolean }
  | { readonly type: 'refused'; readonly message: string };

export interface PromptFormat {
  /** Prompt text of the request, or why the template refuses it. `opensThinking`: the answer begins inside a thinking block. */
  render(request: ChatRequest): Rendered;
  /** Tokens of a text, special tokens of the template counted as one; undefined without a tokenizer. Long texts have their own thread. */
  countTokens(text: string): Promise<number | undefined>;
  readonly stops: readonly string[];
  /** What this format cannot do, and why: words for a person. */
  readonly remarks?: readonly string[];
  /** Reads the answer to that request as it comes, cut anywhere. */
  read(request: ChatRequest, opensThinking: boolean): OutputReader;
}

export interface OutputReader {
  push(text: string): readonly ModelEvent[];
  /** What the engine said of the end; the last events, `finish` included. */
  end(reason: FinishReason): readonly ModelEvent[];
}
