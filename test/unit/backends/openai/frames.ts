// Owns short words for the bytes of a streamed chat answer in tests.
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { failed } from '../events.ts';

export interface Transcript {
  readonly name: string;
  readonly bytes: string;
  readonly events: readonly ModelEvent[];
}

export const DONE = 'data: [DONE]\n\n';
export const CUT = failed('the engine ended its answer in the middle');

/** `extra` stands beside the choice, `inner` within it. */
export function chunk(
  delta: object,
  finishReason: string | null = null,
  extra: object = {},
  inner: object = {},
): string {
  return frame({ choices: [{ index: 0, delta, finish_reason: finishReason, ...inner }], ...extra });
}
export function frame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}
/** A fragment of tool call `index`. */
export const fragment = (index: number | undefined, text: string) =>
  chunk({ tool_calls: [{ ...(index === undefined ? {} : { index }), function: { arguments: text } }] });
export const usage = (prompt: number, completion: number) =>
  frame({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: completion } });
