// Owns the forms in which one text may stand inside another: as it is, escaped, in base64, in hex. Knows no stream and no header.
import { base64Forms } from './base64-forms.ts';
import type { Form, Substitution, Unit } from './substitution.ts';

const HTML_NAMES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

/**
 * Every way in which an ordinary origin echoes what it was sent: plain, percent-encoded (twice too), JSON-escaped (twice too), in
 * HTML, as UTF-16, in hex, and in base64 at its three alignments, of either alphabet, with line breaks. A mixture counts too.
 */
export function formsOf(substitution: Substitution): readonly Form[] {
  const { value, placeholder } = substitution;
  return [
    { isPlain: true, units: Array.from(value, (char, at) => plainUnit(char, placeholder[at] ?? char, at > 0)) },
    { units: Array.from(value, (char, at) => hexUnit(char, placeholder[at] ?? char, at > 0)) },
    ...base64Forms(substitution),
  ];
}

export function isAlphanumeric(char: string): boolean {
  return /^[A-Za-z0-9]$/.test(char);
}

export function escaped(char: string): string {
  return /[A-Za-z0-9]/.test(char) ? char : `\\x${hexOf(char)}`;
}

function plainUnit(char: string, shown: string, follows: boolean): Unit {
  const hex = anyCase(hexOf(char));
  // The longer ones first: a sign may be the beginning of its own escape.
  const ways = [`%(?:25){0,2}${hex}`, `\\\\{1,4}(?:u00|x)${hex}`, ...literalWays(char)];
  return { pattern: `${follows ? '\\0?' : ''}(?:${ways.join('|')})`, turn: (text) => turnPlain(text, char, shown) };
}

/** Signs are the same in the placeholder: they have ways of their own, which need not be turned. */
function literalWays(char: string): readonly string[] {
  if (isAlphanumeric(char)) return [`[${char.toLowerCase()}${char.toUpperCase()}]`];
  if (char === '%') return ['%(?:25){0,3}'];
  if (char === '\\') return ['\\\\{1,8}'];
  const html = HTML_NAMES[char];
  return [
    `&#0{0,2}${char.charCodeAt(0)};`,
    `&#[xX]0{0,2}${anyCase(hexOf(char))};`,
    ...(html === undefined ? [] : [`&(?:amp;)?${html};`]),
    `\\\\{0,4}${escaped(char)}`,
    ...(char === ' ' ? ['\\+'] : []),
  ];
}

function turnPlain(text: string, char: string, shown: string): string {
  if (char === shown) return text;
  const start = text.startsWith('\0') ? 1 : 0;
  if (text.length - start > 1) return turnHex(text, shown);
  return text.slice(0, start) + (text.endsWith(char) ? shown : inCaseOf(text.at(-1) ?? '', shown));
}

function inCaseOf(seen: string, char: string): string {
  return seen === seen.toLowerCase() ? char.toLowerCase() : char.toUpperCase();
}

function hexUnit(char: string, shown: string, follows: boolean): Unit {
  const between = follows ? '[\\s:,-]{0,2}(?:0[xX])?' : '';
  return { pattern: `${between}${anyCase(hexOf(char))}`, turn: (text) => turnHex(text, shown) };
}

/** The last two digits are those of the character. */
function turnHex(text: string, shown: string): string {
  const hex = hexOf(shown);
  return text.slice(0, -2) + (/[A-F]/.test(text.slice(-2)) ? hex.toUpperCase() : hex);
}

function hexOf(char: string): string {
  return char.charCodeAt(0).toString(16).padStart(2, '0');
}

function anyCase(hex: string): string {
  return hex.replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
}
