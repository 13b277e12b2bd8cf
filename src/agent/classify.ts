// Owns the reading of an answer: calls to run, a claim to be done, or neither and what to say then. Knows no port.
import type { EventOf } from '../contracts/run-events.ts';
import type { ToolCall } from '../contracts/messages.ts';
import type { Answer } from './answer.ts';

export type Problem = EventOf<'answer_refused'>['problem'];

export type Reading =
  | { readonly kind: 'calls'; readonly calls: readonly ToolCall[] }
  | { readonly kind: 'claim'; readonly summary: string }
  | { readonly kind: 'refused'; readonly problem: Problem; readonly reply: string };

const CALL_AS_TEXT =
  /<tool_call>|<\/?function[=>]|<TOOLCALL>|<\|?tool|"(?:tool_)?name"\s*:\s*"[a-z_]+"\s*,\s*"(?:arguments|parameters)"|\*\*\* Begin Patch/i;
const CLAIM =
  /\b(?:done|fixed|complete[d]?|finished|resolved|solved|implemented|mended|repaired|(?:tests?|checks?) (?:now )?pass(?:es|ed|ing)?)\b/i;
const INTENT =
  /\b(?:let me|i will|i'll|i am going to|i'm going to|next,? i|now i|first,? i|should i|not (?:yet )?done)\b/i;

const REPLIES: Readonly<Record<Problem, string>> = {
  empty: 'Your answer was empty. Call a tool to go on, or call finish if the task is done.',
  cut: 'Your answer was cut off by the length limit, so nothing of it was run. Answer again, shorter: write large files in several calls.',
  question:
    'Nobody can answer questions during the work. Decide by what the repository shows, take the most careful reading of the ' +
    'task, and go on with a tool call; state the assumption in finish.',
  thinking_only:
    'Your answer held only thinking and no tool call. Go on with a tool call, or call finish if the task is done.',
  call_as_text:
    'Your answer has a tool call written as text, so it was not run. Make the call through the tool interface.',
  malformed_call:
    'A tool call of your answer was broken and nothing of the answer was run. Make the call again with valid JSON arguments.',
  no_call:
    'Your answer held no tool call, so nothing happened. Make the next tool call, or call finish if the task is done.',
};

/**
 * Text alone counts as a claim only where checks are declared that can refute it; otherwise the model is asked to call finish.
 */
export function readAnswer(answer: Answer, checksDeclared: boolean): Reading {
  const calls = answer.message.toolCalls ?? [];
  if (answer.cutCalls > 0) return refused(answer.finish === 'tool_calls' ? 'malformed_call' : 'cut');
  if (calls.length > 0) return { kind: 'calls', calls };
  if (answer.finish === 'length' || answer.finish === 'cut') return refused('cut');
  return readText(answer, checksDeclared);
}

function readText(answer: Answer, checksDeclared: boolean): Reading {
  const text = answer.message.content.trim();
  if (text === '') return refused(answer.message.reasoning === undefined ? 'empty' : 'thinking_only');
  if (CALL_AS_TEXT.test(text)) return refused('call_as_text');
  if (text.endsWith('?')) return refused('question');
  if (checksDeclared && CLAIM.test(text) && !INTENT.test(text)) return { kind: 'claim', summary: text };
  return refused('no_call');
}

function refused(problem: Problem): Reading {
  return { kind: 'refused', problem, reply: REPLIES[problem] };
}
