// Owns the counting of tokens with a model's own tokenizer.json. Knows no template and no file.
import { Tokenizer } from '@huggingface/tokenizers';

/** Counts the tokens of a text as the model does, and knows the texts of its special tokens. */
export interface TextTokenizer {
  count(text: string): number;
  readonly specialTexts: readonly string[];
}

/** More at once is cut: the time of some tokenizers grows with the square of the length. */
const SLICE = 16 * 1024;

/** `definition` and `config`: contents of tokenizer.json and tokenizer_config.json. Throws what the library throws. */
export function textTokenizer(definition: object, config: object): TextTokenizer {
  const tokenizer = new Tokenizer(definition, config);
  const specialTexts = Array.from(tokenizer.get_added_tokens_decoder().values(), ({ content }) => content);
  return {
    specialTexts,
    count: (text) => {
      let count = 0;
      for (const slice of slicesOf(text)) count += tokenizer.encode(slice, { add_special_tokens: false }).ids.length;
      return count;
    },
  };
}

/** Cut before a line that begins with a letter: no token goes over that place. */
export function* slicesOf(text: string): Generator<string> {
  let start = 0;
  while (text.length - start > SLICE) {
    const cut = /\n(?=[\p{L}<])/gu;
    cut.lastIndex = start + SLICE;
    const at = cut.exec(text)?.index;
    if (at === undefined) break;
    yield text.slice(start, at + 1);
    start = at + 1;
  }
  if (start < text.length) yield text.slice(start);
}
