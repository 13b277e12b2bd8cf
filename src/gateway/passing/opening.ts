// Owns the name of a conversation by how it begins, from its bytes: the one that the router gives a request that is read. Keeps no text.
import { openingName, SYSTEM_CHARACTERS, USER_CHARACTERS } from '../../backends/routing/affinity.ts';
import { readList, readMembers, type Span, textAt, valueAt } from './top-level.ts';

/** The first word of a user comes early, or the conversation is known by its system's text. */
const FIRST_MESSAGES = 4;
/** A list of parts that is longer holds pictures. */
const PARTS_BYTES = 64 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;

/** `messages`: a list that was found to be well formed. */
export function openingOf(bytes: Buffer, messages: Span): string {
  let system = '';
  for (const [index, item] of (readList(bytes, messages, FIRST_MESSAGES) ?? []).entries()) {
    const members = readMembers(bytes, item);
    const role = textAt(bytes, members?.get('role'));
    const content = members?.get('content');
    if (role === 'user') return openingName(system, headOf(bytes, content, USER_CHARACTERS));
    if (role === 'system' && index === 0) system = headOf(bytes, content, SYSTEM_CHARACTERS);
  }
  return openingName(system, '');
}

function headOf(bytes: Buffer, span: Span | undefined, most: number): string {
  if (span === undefined) return '';
  if (bytes[span.start] === QUOTE) return headOfText(bytes, span, most);
  return span.end - span.start > PARTS_BYTES ? '' : textOfParts(valueAt(bytes, span));
}

/** At least so many characters, if there are. */
function headOfText(bytes: Buffer, { start, end }: Span, most: number): string {
  let at = start + 1;
  let characters = 0;
  let escaped = false;
  while (at < end - 1) {
    const byte = bytes[at] ?? 0;
    // Never between the bytes of one character.
    if (!isContinued(byte)) characters += 1;
    if (characters > most) break;
    if (byte === BACKSLASH) escaped = true;
    at += byte !== BACKSLASH ? 1 : bytes[at + 1] === LETTER_U ? 6 : 2;
  }
  const text = bytes.toString('utf8', start + 1, Math.min(at, end - 1));
  return escaped ? unescaped(text) : text;
}

function isContinued(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

function unescaped(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    return text;
  }
}

function textOfParts(value: unknown): string {
  if (!Array.isArray(value)) return '';
  return (value as readonly unknown[])
    .map((part) => (typeof part === 'object' && part !== null && 'text' in part ? String(part.text) : ''))
    .join('');
}
