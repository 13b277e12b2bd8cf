// Owns the thread that counts the tokens of long texts: it reads the tokenizer of a model's folder by itself. Knows no template.
import { readFileSync } from 'node:fs';
import { parentPort, type MessagePort, workerData } from 'node:worker_threads';
import { textTokenizer } from './tokenizer.ts';

/** `config`: absent where the folder has none. */
export interface TokenizerFiles {
  readonly definition: string;
  readonly config?: string;
}

export interface Counted {
  readonly id: number;
  /** Undefined: the tokenizer failed at that text. */
  readonly count: number | undefined;
}

if (parentPort !== null) serve(parentPort, workerData as TokenizerFiles);

function serve(port: MessagePort, { definition, config }: TokenizerFiles): void {
  const tokenizer = textTokenizer(objectIn(definition), config === undefined ? {} : objectIn(config));
  const count = (text: string) => {
    try {
      return tokenizer.count(text);
    } catch {
      return undefined;
    }
  };
  port.on('message', ({ id, text }: { readonly id: number; readonly text: string }) =>
    port.postMessage({ id, count: count(text) } satisfies Counted),
  );
}

function objectIn(file: string): object {
  return JSON.parse(readFileSync(file, 'utf8')) as object;
}
