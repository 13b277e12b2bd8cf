// Owns identifiers: sortable by time, safe in file names, URLs and refs. Knows nothing of what they name.
import { randomUUID } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
/** Hexadecimal digits that become four characters. */
const GROUP = 5;
/** Each pair of characters, by its ten bits. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, bits) => ALPHABET.charAt(bits >> 5) + ALPHABET.charAt(bits & 31),
);

/**
 * A new id: prefix, underscore, 10 characters of milliseconds since 1970, 16 random ones (base 32, Crockford's letters in lower case).
 * Ids of one prefix sort by the millisecond they were made in.
 */
export function newId(prefix: string, milliseconds: number): string {
  return `${prefix}_${encodeTime(milliseconds)}${randomCharacters()}`;
}

export function isId(prefix: string, text: string): boolean {
  return text.startsWith(`${prefix}_`) && /^[0-9a-hjkmnp-tv-z]{26}$/.test(text.slice(prefix.length + 1));
}

function encodeTime(milliseconds: number): string {
  let rest = milliseconds;
  let text = '';
  for (let index = 0; index < TIME_CHARACTERS; index += 1) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

/** 80 random bits. A UUID is the cheapest way to them: the runtime draws many at once; its digits that are not random are left out. */
function randomCharacters(): string {
  const uuid = randomUUID();
  const digits = uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(24, 32);
  let text = '';
  for (let at = 0; at < digits.length; at += GROUP) {
    const bits = Number.parseInt(digits.slice(at, at + GROUP), 16);
    text += (PAIRS[bits >> 10] ?? '') + (PAIRS[bits & 1023] ?? '');
  }
  return text;
}
