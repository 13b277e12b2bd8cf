// Owns the difference between what a machine drew by lot and what a person wrote. Knows no form of a secret.

const PLACEHOLDER = new RegExp(
  'example|change[_-]?me|placeholder|dummy|sample|redacted|masked|your[_-]|insert|fake|deadbeef|abcdefgh|' +
    String.raw`x{5}|\*{3}|\.{3}|0{7}|1{6}|a{6}|12345678|23456789`,
  'i',
);
/** Bits for each character. */
const FEWEST_BITS = 3;
/** Of the neighbours, these many are of different kinds: letters and digits, small and capital. */
const CHANGES = 0.18;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What stands where a secret will stand. */
export function isPlaceholder(text: string): boolean {
  return PLACEHOLDER.test(text);
}

export function isRandom(text: string): boolean {
  if (UUID.test(text) || !/\d/.test(text) || !/[A-Za-z]/.test(text)) return false;
  return bitsOf(text) >= FEWEST_BITS && changesOf(text) >= CHANGES;
}

/** Shannon's entropy of the text by its own letters. */
function bitsOf(text: string): number {
  const counts = new Map<string, number>();
  for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

/** A capital before a small letter begins a word, and a mark ends one: neither counts. */
function changesOf(text: string): number {
  let changes = 0;
  for (let at = 1; at < text.length; at += 1) {
    const [left, right] = [kindOf(text.charCodeAt(at - 1)), kindOf(text.charCodeAt(at))];
    if (left !== right && left !== 'mark' && right !== 'mark' && !(left === 'capital' && right === 'small'))
      changes += 1;
  }
  return changes / text.length;
}

function kindOf(code: number): 'digit' | 'capital' | 'small' | 'mark' {
  if (code >= 48 && code <= 57) return 'digit';
  if (code >= 65 && code <= 90) return 'capital';
  return code >= 97 && code <= 122 ? 'small' : 'mark';
}
