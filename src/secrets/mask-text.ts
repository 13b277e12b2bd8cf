// Owns the masking of secrets in text that we write ourselves: logs, contents of the journal, results of tools. Knows no file and no log.
import { valueProblem } from './placeholder.ts';
import { createFinder } from './scanner.ts';

export interface KnownSecret {
  readonly name: string;
  readonly value: string;
}

/**
 * The same text with `[secret NAME]` for each value, in whatever form it stands there. Values that are too short to be told from other
 * text are passed over. Undefined: nothing is left to be masked.
 */
export function createTextMask(secrets: readonly KnownSecret[]): ((text: string) => string) | undefined {
  const names = new Map(
    secrets.filter(({ value }) => valueProblem(value) === undefined).map(({ name, value }) => [value, name]),
  );
  if (names.size === 0) return undefined;
  const find = createFinder([...names.keys()].map((value) => ({ value, placeholder: 'x'.repeat(value.length) })));
  return (text) => {
    const found = find(text);
    if (found.length === 0) return text;
    let [masked, done] = ['', 0];
    for (const { start, end, substitution } of found) {
      masked += `${text.slice(done, start)}[secret ${names.get(substitution.value) ?? ''}]`;
      done = end;
    }
    return masked + text.slice(done);
  };
}
