// Owns the masking of secrets in texts, whole or in pieces: the same whatever the pieces are. Knows no journal.
import { findSecrets, type FoundSecret } from './find.ts';

export interface Masked {
  readonly text: string;
  /** In the order of the text; [] if the text is as it was. */
  readonly kinds: readonly string[];
}

/** A mask has no quotes and no line end, so that what was JSON stays JSON. */
export function maskSecrets(text: string): Masked {
  const found = findSecrets(text);
  if (found.length === 0) return { text, kinds: [] };
  return { text: cover(text, found), kinds: found.map(({ kind }) => kind) };
}

export interface Masker {
  /** What can be told already: whole lines, behind which nothing that was begun is open. */
  push(piece: string): string;
  end(): string;
}

const OPEN_KEY = '-----BEGIN ';
const KEY_END = '-----END ';
/** A key that does not end within so many characters is none. */
const KEY_CHARACTERS = 110_000;

/** No secret but a private key goes over the end of a line. */
export function createMasker(): Masker {
  let held = '';
  return {
    push: (piece) => {
      held += piece;
      const end = wholeUntil(held);
      const ready = held.slice(0, end);
      held = held.slice(end);
      return maskSecrets(ready).text;
    },
    end: () => {
      const { text } = maskSecrets(held);
      held = '';
      return text;
    },
  };
}

/** The end of the last line that is whole, or the start of the line from which on a key may be open. */
function wholeUntil(text: string): number {
  let cut = text.lastIndexOf('\n') + 1;
  for (let at = lastOpen(text, cut); at >= 0 && text.length - at <= KEY_CHARACTERS; at = lastOpen(text, at - 1)) {
    const end = text.indexOf(KEY_END, at);
    if (end < 0 || end >= cut) cut = Math.min(cut, text.lastIndexOf('\n', at) + 1);
  }
  return cut;
}

function lastOpen(text: string, from: number): number {
  return from < 0 ? -1 : text.lastIndexOf(OPEN_KEY, from);
}

function cover(text: string, found: readonly FoundSecret[]): string {
  let covered = '';
  let at = 0;
  for (const { kind, start, end } of found) {
    covered += `${text.slice(at, start)}[masked: ${kind}]`;
    at = end;
  }
  return covered + text.slice(at);
}
