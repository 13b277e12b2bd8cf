// Owns the form of an API key: `csn_`, 43 letters and digits of 256 random bits, 6 of a checksum. Knows no table.
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const START = 'csn_';
const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_BYTES = 32;
const RANDOM_LETTERS = 43;
const CHECK_LETTERS = 6;
const PREFIX_LETTERS = 8;

export function newKey(): string {
  const bits = BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`);
  const body = base62(bits, RANDOM_LETTERS);
  return START + body + checksum(body);
}

/** True if it has the form of a key and its checksum is right. */
export function isWellFormed(text: string): boolean {
  if (!/^csn_[0-9A-Za-z]{49}$/.test(text)) return false;
  const body = text.slice(START.length, START.length + RANDOM_LETTERS);
  return text.endsWith(checksum(body));
}

/** What may be shown of a key. */
export function prefixOf(key: string): string {
  return key.slice(0, START.length + PREFIX_LETTERS);
}

function checksum(body: string): string {
  let rest = crc32(body);
  let text = '';
  for (let index = 0; index < CHECK_LETTERS; index += 1) {
    text = LETTERS.charAt(rest % LETTERS.length) + text;
    rest = Math.floor(rest / LETTERS.length);
  }
  return text;
}

function base62(value: bigint, letters: number): string {
  let rest = value;
  let text = '';
  for (let index = 0; index < letters; index += 1) {
    text = LETTERS.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}
