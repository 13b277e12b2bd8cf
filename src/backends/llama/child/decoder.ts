// Owns the way from tokens to text: a character whose bytes are spread over tokens comes when it is whole. Knows no request.
import type { Model } from './library.ts';

export interface Decoder {
  /** The text that is sure now, maybe none. */
  push(token: number): string;
  /** What never became whole. */
  rest(): string;
}

/** So many tokens cannot belong to one character: then it is none. */
const MOST_WAITING = 8;
/** Tokens before it say whether a leading space belongs to one. */
const BEFORE = 4;

export function createDecoder(model: Pick<Model, 'detokenize'>): Decoder {
  let before: number[] = [];
  let waiting: number[] = [];
  const text = () => model.detokenize(waiting, true, before);
  const taken = (words: string) => {
    before = [...before, ...waiting].slice(-BEFORE);
    waiting = [];
    return words;
  };
  return {
    push: (token) => {
      waiting.push(token);
      const words = text();
      return words.endsWith('\uFFFD') && waiting.length < MOST_WAITING ? '' : taken(words);
    },
    rest: () => (waiting.length === 0 ? '' : taken(text())),
  };
}
