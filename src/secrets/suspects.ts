// Owns the cheap first look at a text: which of many values may stand in it, in whatever form. Knows no place and no placeholder.
import { base64Forms } from './base64-forms.ts';
import type { Substitution } from './substitution.ts';

const HTML_CHARACTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
/** Of what is looked for: a text in which so many stand in a row is looked at closely. */
const HEAD_CHARACTERS = 10;
/** At either end of a value that what stands beside it may have made a part of an escape. */
const EDGE_CHARACTERS = 3;

/**
 * Both the text and the values are stripped of all in which the forms differ, and compared then: what is passed over here holds no value,
 * what is not may hold one.
 */
export function createSuspicion(substitutions: readonly Substitution[]): (text: string) => readonly Substitution[] {
  const wanted = substitutions.map((substitution) => ({ substitution, needles: needlesOf(substitution) }));
  const heads = wanted.flatMap(({ needles }) => needles.map((needle) => needle.slice(0, HEAD_CHARACTERS)));
  const head = new RegExp(heads.join('|') || '(?!)');
  return (text) => {
    const views = viewsOf(text).filter((view) => head.test(view));
    if (views.length === 0) return [];
    return wanted
      .filter(({ needles }) => needles.some((needle) => views.some((view) => view.includes(needle))))
      .map(({ substitution }) => substitution);
  };
}

function needlesOf(substitution: Substitution): readonly string[] {
  const { value } = substitution;
  const hex = Buffer.from(value, 'latin1').toString('hex');
  const digits = base64Forms(substitution).map((_, skip) => middleOf(value, skip));
  const all = [squeezed(value.toLowerCase()), stripped(value), hex, ...digits.map(stripped)];
  return [...new Set(all.map((needle) => needle.slice(EDGE_CHARACTERS, -EDGE_CHARACTERS)))];
}

/** The digits of base64 that hold bits of the value alone, behind `skip` other bytes. */
function middleOf(value: string, skip: number): string {
  const digits = Buffer.from('\0'.repeat(skip) + value, 'latin1').toString('base64');
  return digits.slice(Math.ceil((skip * 8) / 6), Math.floor(((skip + value.length) * 8) / 6));
}

/** Without its escapes, and with them. */
function viewsOf(text: string): readonly string[] {
  const plain = squeezed(text.toLowerCase());
  return /[%\\&\0]/.test(text) ? [plain, stripped(text)] : [plain];
}

function stripped(text: string): string {
  const unescaped = text
    .toLowerCase()
    .replaceAll('\0', '')
    .replaceAll(/\\+(?:u00|x)([0-9a-f]{2})/g, (_, hex: string) => characterOf(Number.parseInt(hex, 16)))
    .replaceAll(/%(?:25)*([0-9a-f]{2})/g, (_, hex: string) => characterOf(Number.parseInt(hex, 16)))
    .replaceAll(/&(?:amp;)?#0{0,2}(\d{1,3});/g, (_, number: string) => characterOf(Number(number)))
    .replaceAll(/&(?:amp;)?#x0{0,2}([0-9a-f]{2});/g, (_, hex: string) => characterOf(Number.parseInt(hex, 16)))
    .replaceAll(/&(?:amp;)?(amp|lt|gt|quot|apos);/g, (_, name: string) => HTML_CHARACTERS[name] ?? '')
    .replaceAll(/\\+[rn]/g, '');
  return squeezed(unescaped);
}

/** Without what may stand between the characters of a form, and signs that have several ways. */
function squeezed(text: string): string {
  return text.replaceAll(/0x|[^a-z0-9]+/g, '');
}

function characterOf(code: number): string {
  return String.fromCharCode(code).toLowerCase();
}
