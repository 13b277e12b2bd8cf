// Owns base64 of a text inside of base64 of a longer one: which characters are its own, and which it shares. Knows no stream.
import type { Border, Form, Substitution, Unit } from './substitution.ts';

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const BYTE = 8;
const DIGIT = 6;
/** Three bytes are four digits: a text may begin at each of the three. */
const ALIGNMENTS = [0, 1, 2] as const;
/** Line breaks as MIME, PEM and JSON have them, and the blanks of a folded line. */
const BREAK = '(?:\\\\{1,4}[rn]|%(?:25)?0[dDaA]|\\s){0,16}';
const PLUS = '(?:[+-]|%(?:25){0,2}2[bB]|\\\\{1,4}u002[bB])';
const SLASH = '(?:[/_]|\\\\{1,4}/|%(?:25){0,2}2[fF]|\\\\{1,4}u002[fF])';

/** Any digit: it stands in the shared place beside a form. */
export const ANY_DIGIT = `(?:[A-Za-z0-9]|${PLUS}|${SLASH})`;
export const LINE_BREAK = BREAK;

/** Both alphabets, with or without padding, whole or in the middle. */
export function base64Forms({ value, placeholder }: Substitution): readonly Form[] {
  return ALIGNMENTS.map((skip) => {
    const [own, shown] = [digitsAt(value, skip), digitsAt(placeholder, skip)];
    const first = Math.ceil((skip * BYTE) / DIGIT);
    const end = Math.floor(((skip + value.length) * BYTE) / DIGIT);
    const units = Array.from(own.slice(first, end), (digit, at) => digitUnit(digit, shown[first + at] ?? '', at > 0));
    const lead = first * DIGIT - skip * BYTE;
    const rest = (skip + value.length) * BYTE - end * DIGIT;
    return {
      units,
      ...(lead === 0 ? {} : { before: borderOf(shown[first - 1], 2 ** lead - 1) }),
      ...(rest === 0 ? {} : { behind: borderOf(shown[end], 2 ** DIGIT - 2 ** (DIGIT - rest)) }),
    };
  });
}

/** The digit as it stands there, with the bits of the value replaced by those of the placeholder. */
export function turnBorder(text: string, { mask, bits }: Border): string {
  const digit = text.at(-1) ?? '';
  const number = DIGITS.indexOf(digit.replace('-', '+').replace('_', '/'));
  if (text.length > 1 || number < 0) return turnEscaped(text, { mask, bits });
  return DIGITS[(number & ~mask & 0x3f) | bits] ?? '';
}

/** `%2B` and its like stay of the same length; `\/` has no other form of two characters. */
function turnEscaped(text: string, { mask, bits }: Border): string {
  if (!/[0-9a-fA-F]{2}$/.test(text)) return text;
  const number = DIGITS.indexOf(String.fromCharCode(Number.parseInt(text.slice(-2), 16)));
  const turned = DIGITS[(number & ~mask & 0x3f) | bits] ?? '';
  return text.slice(0, -2) + turned.charCodeAt(0).toString(16);
}

function digitUnit(digit: string, shown: string, follows: boolean): Unit {
  const between = follows ? BREAK : '';
  if (digit === '+') return { pattern: between + PLUS, turn: (text) => text };
  if (digit === '/') return { pattern: between + SLASH, turn: (text) => text };
  return { pattern: between + digit, turn: (text) => text.slice(0, -1) + shown };
}

/** Behind `skip` bytes of nothing; what follows counts as nothing too. */
function digitsAt(text: string, skip: number): string {
  return Buffer.concat([Buffer.alloc(skip), Buffer.from(text, 'latin1'), Buffer.alloc(2)]).toString('base64');
}

function borderOf(digit: string | undefined, mask: number): Border {
  return { mask, bits: DIGITS.indexOf(digit ?? 'A') & mask };
}
