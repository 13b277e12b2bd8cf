// Owns the one hash function of Caisson. Knows nothing of what is hashed.
import { hash } from 'node:crypto';

export const HASH_PREFIX = 'sha256:';

/** `sha256:` and 64 hexadecimal digits of the bytes (text is taken as UTF-8). */
export function sha256(content: string | Uint8Array): string {
  return HASH_PREFIX + hash('sha256', content, 'hex');
}
