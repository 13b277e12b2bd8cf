// Owns the body of a request to go on with plain texts: what of it we take, what we refuse, and how it becomes ours. Knows no engine.
import { z } from 'zod';
import { CaissonError } from '../../base/errors.ts';
import type { ChatRequest } from '../../contracts/messages.ts';
import { given } from '../chat/given.ts';
import { choicesOf, furtherOf, settingsOf } from '../chat/request.ts';
import { MOST_CHOICES, settingsShape } from '../chat/schema.ts';

export const completionBodySchema = z.looseObject({
  ...settingsShape,
  prompt: z.union(
    [z.string(), z.array(z.string()).min(1)],
    'expected text or a list of texts; the numbers of tokens are not taken',
  ),
  logprobs: z.int().min(0).max(20).nullish(),
  echo: z.boolean().nullish(),
  suffix: z.string().nullish(),
  best_of: z.int().min(1).nullish(),
});
export type CompletionBody = z.infer<typeof completionBodySchema>;

const KNOWN: ReadonlySet<string> = new Set(Object.keys(completionBodySchema.shape));

/**
 * One request for each choice of each text, those of the first text first. Each has its text as the one message of a user.
 * Throws `invalid_input` for what would change the answer and is not done here.
 */
export function completionsOf(
  body: CompletionBody,
  session: string | undefined,
): readonly [ChatRequest, ...ChatRequest[]] {
  refuseTheImpossible(body);
  const shared = {
    model: body.model,
    ...settingsOf(body, session),
    ...given('maxTokens', body.max_tokens),
    ...given('logprobs', body.logprobs),
    ...given('extra', furtherOf(body, KNOWN)),
  };
  const of = (content: string) => choicesOf({ ...shared, messages: [{ role: 'user', content }] }, body.n ?? 1);
  const [first = '', ...others] = typeof body.prompt === 'string' ? [body.prompt] : body.prompt;
  return [...of(first), ...others.flatMap(of)];
}

function refuseTheImpossible({ echo, suffix, best_of: best, n, prompt }: CompletionBody): void {
  if (echo === true) refuse('echo', 'the prompt is not told back: put it before the text yourself');
  if (suffix) refuse('suffix', 'texts are only gone on with at their end');
  if ((best ?? 1) > (n ?? 1)) refuse('best_of', 'the best of several is not sought: ask for n, and choose');
  const count = (n ?? 1) * (typeof prompt === 'string' ? 1 : prompt.length);
  if (count > MOST_CHOICES)
    refuse('prompt', `${count} texts would be made of it, and at most ${MOST_CHOICES} are: send several requests`);
}

function refuse(field: string, why: string): never {
  throw new CaissonError('invalid_input', `${field}: ${why}`, { place: { field } });
}
