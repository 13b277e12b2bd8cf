// Owns the reading of replies: the text that is new, the counts of tokens and the reason of the end. Knows no connection and no request.
import type { FinishReason, Usage } from '../../contracts/model-events.ts';
import type { Dialect } from './dialects.ts';
import type { InferReply } from './wire/messages.ts';
import { firstInteger, firstText } from './wire/tensors.ts';

export interface ReplyReader {
  /** The new text, maybe none; or what is wrong with the reply. */
  take(reply: InferReply): { readonly text: string } | { readonly problem: string };
  /** Text that was held back because it might have changed. */
  rest(): string;
  /** Characters at the end of what was given that the model took back with its last words: the beginning of a stop. */
  takenBack(): number;
  reason(): FinishReason;
  /** Undefined: the model does not count. */
  usage(): Usage | undefined;
}

/** `maxTokens`: what was asked for; a model that gives no reason and as many tokens has reached it. */
export function createReplyReader(dialect: Dialect, maxTokens: number): ReplyReader {
  const text = dialect.text === 'new' ? newText() : textSoFar();
  const given = createCount(dialect.counts);
  let prompt: number | undefined;
  let reason: string | undefined;
  return {
    take: (reply) => {
      const said = (name: string) => firstText(bytesOf(reply, name) ?? Buffer.alloc(0));
      const why = said('finish_reason');
      if (why !== undefined && why !== 'None') reason = why;
      prompt = numberIn(reply, 'num_input_tokens') ?? prompt;
      given.add(numberIn(reply, 'num_output_tokens'));
      const words = said('text_output');
      return words === undefined ? { text: '' } : text.add(words);
    },
    rest: text.rest,
    takenBack: text.takenBack,
    reason: () => reasonOf(reason, (given.total() ?? 0) >= maxTokens),
    usage: () => {
      const completionTokens = given.total();
      if (prompt === undefined || completionTokens === undefined) return undefined;
      return { promptTokens: prompt, completionTokens };
    },
  };
}

interface TextReader {
  readonly add: ReplyText;
  readonly rest: () => string;
  readonly takenBack: () => number;
}

type ReplyText = (words: string) => { readonly text: string } | { readonly problem: string };

function newText(): TextReader {
  return { add: (text) => ({ text }), rest: () => '', takenBack: () => 0 };
}

/** The mark of a character of which the last bytes are not there yet: the next reply has another one in its place. */
const INCOMPLETE = /\uFFFD+$/;

function textSoFar(): TextReader {
  let length = 0;
  let end = '';
  let whole = '';
  let back = 0;
  // Comparing the end is enough to see that the words are not the same ones, and costs the same for a long answer.
  const agrees = (words: string, upTo: number) =>
    words.slice(length - end.length, upTo) === end.slice(0, upTo - length + end.length);
  return {
    add: (words) => {
      const missing = length - words.length;
      if (missing > end.length || !agrees(words, Math.min(length, words.length)))
        return { problem: 'took back words that it had said' };
      back = Math.max(0, missing);
      if (back > 0) return { text: '' };
      whole = words;
      const sure = words.replace(INCOMPLETE, '');
      const text = sure.slice(length);
      length = Math.max(length, sure.length);
      end = words.slice(Math.max(0, length - COMPARED), length);
      return { text };
    },
    rest: () => whole.slice(length),
    takenBack: () => back,
  };
}

const COMPARED = 256;

interface Count {
  add(count: number | undefined): void;
  total(): number | undefined;
}

/** Counts that always grow are counts of everything so far; a count that stands still or falls is one of the reply. */
function createCount(kind: Dialect['counts']): Count {
  let sum: number | undefined;
  let last = 0;
  let grows = kind === 'either';
  return {
    add: (count) => {
      if (count === undefined) return;
      if (count <= last) grows = false;
      sum = (sum ?? 0) + count;
      last = count;
    },
    total: () => (sum === undefined || !grows ? sum : last),
  };
}

function bytesOf({ outputs, rawOutputContents }: InferReply, name: string): Buffer | undefined {
  return rawOutputContents[outputs.findIndex((output) => output.name === name)];
}

function numberIn(reply: InferReply, name: string): number | undefined {
  const datatype = reply.outputs.find((output) => output.name === name)?.datatype;
  const bytes = bytesOf(reply, name);
  return datatype === undefined || bytes === undefined ? undefined : firstInteger(datatype, bytes);
}

function reasonOf(said: string | undefined, isFull: boolean): FinishReason {
  if (said === undefined) return isFull ? 'length' : 'stop';
  if (said === 'length' || said === 'stop') return said;
  return said === 'abort' || said === 'cancelled' ? 'abort' : 'stop';
}
