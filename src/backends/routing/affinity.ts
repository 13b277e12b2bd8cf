// Owns the name by which requests of one conversation are known, and its number. Knows no replica.
import { crc32 } from 'node:zlib';
import { type ChatRequest, textOf } from '../../contracts/messages.ts';

/** Characters of each that count: conversations that begin alike for longer share a name, and the bound on load parts them. */
export const SYSTEM_CHARACTERS = 256;
export const USER_CHARACTERS = 2048;

/** What the request says of itself, else how its conversation begins: that stays the same while it grows. */
export function affinityOf({ affinity, messages }: Pick<ChatRequest, 'affinity' | 'messages'>): string {
  if (affinity !== undefined && affinity !== '') return affinity;
  const [first] = messages;
  const user = messages.find(({ role }) => role === 'user');
  const system = first?.role === 'system' ? first.content : '';
  return openingName(system, user?.role === 'user' ? textOf(user.content) : '');
}

/** Of the system's text and the first text of the user, as far as they count. Says nothing of what they were. */
export function openingName(system: string, user: string): string {
  const hash = crc32(user.slice(0, USER_CHARACTERS), crc32(system.slice(0, SYSTEM_CHARACTERS)));
  return `opening-${hash.toString(16).padStart(8, '0')}`;
}

const OFFSET = 0x811c9dc5;
const PRIME = 0x01000193;

/** 32 bits, by FNV-1a over UTF-16. Nothing secret hangs on it. */
export function keyOf(text: string): number {
  let hash = OFFSET;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash >>> 0;
}
