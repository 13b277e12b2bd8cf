// Owns what stands for a secret in a sandbox: a text of the same shape that says nothing of it. Reads no configuration.
import { createHmac } from 'node:crypto';

/** Beginnings by which tools know what kind of key they were given. */
const PREFIXES: readonly string[] = (
  'ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- npm_ pypi- dckr_pat_ sk- sk-ant- sk-proj- nvapi- hf_ xoxb- xoxp- xoxa- ' +
  'xapp- AKIA ASIA AIza eyJ SG. sk_live_ sk_test_ rk_live_ rk_test_ shpat_ hvs. dop_v1_ lin_api_ figd_ tskey-'
).split(' ');
const LEAST_CHARACTERS = 12;
const LEAST_FREE = 10;
const LEAST_BITS = 40;
const MOST_CHARACTERS = 4096;
const DIGITS = '0123456789';
const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const UPPER = LOWER.toUpperCase();
const HEX = /^(?:[0-9a-f]+|[0-9A-F]+)$/;

/** Why no placeholder can stand for it; undefined if one can. The words say nothing of the value. */
export function valueProblem(value: string): string | undefined {
  const { free, alphabet } = shapeOf(value);
  if (/[^\x20-\x7e]/.test(value)) return 'holds a character that no header takes';
  if (value.length > MOST_CHARACTERS) return `has more than ${MOST_CHARACTERS} characters`;
  const isWeak = free * Math.log2(alphabet.length) < LEAST_BITS;
  if (value.length >= LEAST_CHARACTERS && free >= LEAST_FREE && !isWeak) return undefined;
  return (
    `is too short to be told from other text: it needs at least ${LEAST_CHARACTERS} characters, ${LEAST_FREE} of them ` +
    `letters and digits behind its known beginning, or ${Math.ceil(LEAST_BITS / Math.log2(DIGITS.length))} if all are digits`
  );
}

/**
 * Of the same length, with the same signs at the same places and the same known beginning; letters and digits are at random, of the kinds
 * that the value has. The same `seed` and `attempt` give the same one. `value` has no problem.
 */
export function placeholderOf(value: string, seed: Uint8Array, attempt: number): string {
  const { prefix, alphabet } = shapeOf(value);
  const pick = picker(seed, attempt);
  return Array.from(value, (char, at) => (at < prefix.length || !isFree(char) ? char : pick(alphabet))).join('');
}

interface Shape {
  readonly prefix: string;
  /** Letters and digits behind the prefix. */
  readonly free: number;
  readonly alphabet: string;
}

function shapeOf(value: string): Shape {
  const known = PREFIXES.filter((one) => value.startsWith(one)).toSorted((left, right) => right.length - left.length);
  const prefix = known[0] ?? '';
  const letters = value.slice(prefix.length).replaceAll(/[^A-Za-z0-9]/g, '');
  return { prefix, free: letters.length, alphabet: alphabetOf(letters) };
}

function alphabetOf(letters: string): string {
  if (/^[0-9]*$/.test(letters)) return DIGITS;
  if (HEX.test(letters)) return DIGITS + (/[a-f]/.test(letters) ? 'abcdef' : 'ABCDEF');
  const kinds = [DIGITS, LOWER, UPPER];
  return kinds.filter((kind) => Array.from(kind).some((char) => letters.includes(char))).join('');
}

function isFree(char: string): boolean {
  return /[A-Za-z0-9]/.test(char);
}

/** Each character of an alphabet is as likely as the others. */
function picker(seed: Uint8Array, attempt: number): (alphabet: string) => string {
  let [block, at, bytes] = [0, 0, Buffer.alloc(0)];
  const next = () => {
    if (at === bytes.length) {
      bytes = createHmac('sha256', seed).update(`${attempt} ${block}`).digest();
      [block, at] = [block + 1, 0];
    }
    const byte = bytes[at] ?? 0;
    at += 1;
    return byte;
  };
  return (alphabet) => {
    const even = 256 - (256 % alphabet.length);
    for (let byte = next(); ; byte = next()) if (byte < even) return alphabet[byte % alphabet.length] ?? '';
  };
}
