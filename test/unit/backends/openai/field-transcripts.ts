// Owns what engines were seen to send beside text and calls: log-probabilities, and why they stopped.
import { finish, say, think } from '../events.ts';
import { chunk, DONE, type Transcript } from './frames.ts';

export const FIELDS: readonly Transcript[] = [
  {
    name: 'log-probabilities of every token, of thinking and marks too, also in chunks with an empty delta; spoilt ones left out',
    bytes:
      chunk({ reasoning: 'hm' }, null, {}, { logprobs: { content: [probable('hm', -0.5)] } }) +
      chunk({}, null, {}, { logprobs: { content: [probable('</think>', 0), { token: 7 }, null] } }) +
      chunk({ content: 'ja' }, null, {}, { logprobs: { content: [probable('ja', -1, [['no', -2]])] } }) +
      chunk({ content: '.' }, null, {}, { logprobs: null }) +
      chunk({ content: '!' }, 'stop', {}, { logprobs: { content: 'all' } }) +
      DONE,
    events: [
      think('hm'),
      { type: 'logprobs', tokens: [{ token: 'hm', logprob: -0.5, bytes: [104, 109], top: [] }] },
      { type: 'logprobs', tokens: [{ token: '</think>', logprob: 0, bytes: [...Buffer.from('</think>')], top: [] }] },
      say('ja'),
      {
        type: 'logprobs',
        tokens: [{ token: 'ja', logprob: -1, bytes: [106, 97], top: [{ token: 'no', logprob: -2, bytes: null }] }],
      },
      say('.'),
      say('!'),
      finish('stop'),
    ],
  },
  {
    name: 'the stop sequence that ended the text is named, in its own chunk or in the last',
    bytes: chunk({ content: 'a' }) + chunk({}, 'stop', {}, { stop_reason: 'END' }) + DONE,
    events: [say('a'), { type: 'finish', reason: 'stop', stop: 'END' }],
  },
  {
    name: 'a stop that is only the number of a token, or that ended no text, is none',
    bytes:
      chunk({ content: 'a' }, null, {}, { stop_reason: 'X' }) + chunk({}, 'length', {}, { stop_reason: 11 }) + DONE,
    events: [say('a'), finish('length')],
  },
];

/** One token as engines tell it; of its alternatives they do not always give the bytes. */
function probable(token: string, logprob: number, top: readonly (readonly [string, number])[] = []) {
  const others = top.map(([other, number]) => ({ token: other, logprob: number, bytes: null }));
  return { token, logprob, bytes: [...Buffer.from(token)], top_logprobs: others };
}
