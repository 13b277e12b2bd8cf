// Owns the OpenAI form of texts that were gone on with, whole or in chunks. Knows no stream and no engine.
import type { TokenLogprob } from '../../contracts/model-events.ts';
import { type AnswerSoFar, finishOf } from '../answer.ts';
import type { Choices } from '../chat/choices.ts';
import { type Envelope, usageOf } from '../chat/encode.ts';
import type { StreamEncoder } from '../stream.ts';

/** The stream of chunks, closed by `[DONE]`. Silence is filled with empty ones. */
export function completionEncoder(envelope: Envelope, choices: Choices, includeUsage: boolean): StreamEncoder {
  const lengths = choices.answers.map(() => 0);
  const empty = () => encode(envelope, { choices: [choiceOf(0, '', null, null)] });
  return {
    open: empty,
    event: (event) => {
      const told = choices.spoken(event);
      if (told === undefined) return '';
      const { index, finish } = told;
      if (finish !== undefined) return encode(envelope, { choices: [choiceOf(index, '', null, finish)] });
      if (event.type === 'text') return encode(envelope, { choices: [choiceOf(index, event.text, null, null)] });
      if (event.type !== 'logprobs') return '';
      const from = lengths[index] ?? 0;
      lengths[index] = from + lengthOf(event.tokens);
      return encode(envelope, { choices: [choiceOf(index, '', logprobsOf(event.tokens, from), null)] });
    },
    keepAlive: empty,
    close: ({ usage }) => {
      const account =
        includeUsage && usage !== undefined ? encode(envelope, { choices: [], usage: usageOf(usage) }) : '';
      return `${account}data: [DONE]\n\n`;
    },
    // As in chat: a reset is what every client takes for a failure.
    failure: () => undefined,
  };
}

export function completionOf(envelope: Envelope, { answers }: Choices, { usage }: AnswerSoFar): object {
  return {
    ...envelope,
    object: 'text_completion',
    choices: answers.map((answer, index) => {
      const logprobs = answer.logprobs.length === 0 ? null : logprobsOf(answer.logprobs, 0);
      return choiceOf(index, answer.text, logprobs, finishOf(answer));
    }),
    ...(usage === undefined ? {} : { usage: usageOf(usage) }),
  };
}

function choiceOf(index: number, text: string, logprobs: object | null, finish: string | null): object {
  return { index, text, logprobs, finish_reason: finish };
}

/** `from`: characters of the tokens before. */
function logprobsOf(tokens: readonly TokenLogprob[], from: number): object {
  let offset = from;
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset: tokens.map(({ token }) => {
      const at = offset;
      offset += token.length;
      return at;
    }),
  };
}

function lengthOf(tokens: readonly TokenLogprob[]): number {
  return tokens.reduce((sum, { token }) => sum + token.length, 0);
}

function encode({ id, created, model }: Envelope, rest: object): string {
  return `data: ${JSON.stringify({ id, object: 'text_completion', created, model, ...rest })}\n\n`;
}
