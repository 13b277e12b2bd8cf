// Owns identifiers: sortable by time, safe in file names, URLs and refs. Knows nothing of what they name.
import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const TIME_CHARACTERS = 10;
const RANDOM_BYTES = 10;

/**
 * A new id: prefix, underscore, 10 characters of milliseconds since 1970, 16 random ones (base 32, Crockford's letters in lower case).
 * Ids of one prefix sort by the millisecond they were made in.
 */
export function newId(prefix: string, milliseconds: number): string {
  return `${prefix}_${encodeTime(milliseconds)}${encodeBytes(randomBytes(RANDOM_BYTES))}`;
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

function encodeBytes(bytes: Uint8Array): string {
  let bits = 0n;
  for (const byte of bytes) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let index = 0; index < (bytes.length * 8) / 5; index += 1) {
    text = ALPHABET.charAt(Number(bits & 31n)) + text;
    bits >>= 5n;
  }
  return text;
}
