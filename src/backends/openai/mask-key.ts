// Owns the taking of a key out of text that an endpoint may have sent back. Knows no message.

const MASK = '[key]';
/** Fewer letters of a key at the end of a text tell nothing. */
const FEWEST = 4;

/** Also a beginning of the key where the text was cut off. */
export function maskKey(text: string, key: string): string {
  const masked = text.replaceAll(key, MASK);
  for (let length = Math.min(key.length - 1, masked.length); length >= FEWEST; length -= 1)
    if (masked.endsWith(key.slice(0, length))) return `${masked.slice(0, -length)}${MASK}`;
  return masked;
}
