// Owns the name of a conversation by how it begins, from its bytes: the one that the router gives a request that is read. Keeps no text.
import { openingName, SYSTEM_CHARACTERS, USER_CHARACTERS } from '../../backends/routing/affinity.ts';
import { readList, readMembers, type Span, textAt, valueAt } from './top-level.ts';

/** The first word of a user comes early, or the conversation is known by its system's text. */
const FIRST_MESSAGES = 4;
/** A list of parts that is longer holds pictures. */
const PARTS_BYTES = 64 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The longest escape, without its last byte. */
const ESCAPE_BYTES = 5;
/** More than a character and an escape that are left out at the end. */
const MARGIN = 16;
/** Where a character takes several bytes, more of them are read. */
const GROWTH = 4;

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

/** At least so many characters, if there are. Only what begins a long text is looked at. */
function headOfText(bytes: Buffer, { start, end }: Span, most: number): string {
  const last = end - 1;
  for (let size = most + MARGIN; ; size *= GROWTH) {
    const to = start + 1 + size;
    const text = textIn(bytes, start + 1, to < last ? behindWhole(bytes, start + 1, to) : last);
    if (to >= last || text.length > most) return text;
  }
}

/** Not later than `to`, and never within a character or an escape. */
function behindWhole(bytes: Buffer, from: number, to: number): number {
  let at = to;
  while (isContinued(bytes[at] ?? 0)) at -= 1;
  for (let back = 1; back <= ESCAPE_BYTES; back += 1) {
    if (bytes[at - back] !== BACKSLASH) continue;
    at -= back;
    while (at > from && bytes[at - 1] === BACKSLASH) at -= 1;
    return at;
  }
  return at;
}

function isContinued(byte: number): boolean {
  return byte >= 0x80 && byte < 0xc0;
}

function textIn(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end);
  if (!text.includes('\\')) return text;
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
