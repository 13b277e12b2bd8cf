// Owns the exact replacement in a text, and the words when it cannot be made. Knows no file.
import { closestLines, lineOf, sameButForSpace } from './closest-lines.ts';

export type Replaced =
  | {
      readonly ok: true;
      readonly text: string;
      readonly count: number;
      /** Line of the first places, at most ten. */
      readonly lines: readonly number[];
    }
  | { readonly ok: false; readonly problem: string; readonly body: string };

const LINES_TOLD = 10;
const PLACES_COUNTED = 1000;
/** A longer text is not looked through for what is like it. */
const COMPARED_CHARACTERS = 1 << 20;

/**
 * Replaces `old` by `next`. Without `all`, `old` must occur once. In a file whose line ends are all CRLF, line ends of `old` and `next`
 * that are LF count as CRLF.
 */
export function replaceExactly(text: string, old: string, next: string, all: boolean): Replaced {
  const crlf = isCrlf(text);
  const wanted = crlf ? withCrlf(old) : old;
  const put = crlf ? withCrlf(next) : next;
  const places = placesOf(text, wanted, all);
  if (places.length === 0) return { ok: false, ...notFound(text, wanted) };
  if (places.length > 1 && !all) return { ok: false, ...notUnique(text, places) };
  return {
    ok: true,
    text: text.split(wanted).join(put),
    count: places.length,
    lines: places.slice(0, LINES_TOLD).map((at) => lineOf(text, at)),
  };
}

/** True if every line end of the text, and at least one, is CRLF. */
export function isCrlf(text: string): boolean {
  return text.includes('\r\n') && !/(?:^|[^\r])\n/.test(text);
}

export function withCrlf(text: string): string {
  return text.replaceAll(/\r?\n/g, '\r\n');
}

/** With `all`, every place that split() finds; else also places that overlap, for two of them are two meanings. */
function placesOf(text: string, wanted: string, all: boolean): readonly number[] {
  const places: number[] = [];
  const step = all ? wanted.length : 1;
  for (let at = text.indexOf(wanted); at !== -1; at = text.indexOf(wanted, at + step)) {
    places.push(at);
    if (!all && places.length === PLACES_COUNTED) break;
  }
  return places;
}

function notUnique(text: string, places: readonly number[]): { readonly problem: string; readonly body: string } {
  const lines = places.slice(0, LINES_TOLD).map((at) => lineOf(text, at));
  const more = places.length > LINES_TOLD ? ', …' : '';
  const problem =
    `"old" occurs ${places.length === PLACES_COUNTED ? 'at least ' : ''}${places.length} times, at lines ${lines.join(', ')}${more}: ` +
    'add lines around it until it is unique, or give all: true';
  return { problem, body: '' };
}

function notFound(text: string, wanted: string): { readonly problem: string; readonly body: string } {
  if (/^(?:\d+\|.*(?:\r?\n|$))+$/.test(wanted))
    return { problem: '"old" holds line numbers as read shows them: leave out `number|`', body: '' };
  if (text.length > COMPARED_CHARACTERS) return { problem: '"old" does not occur', body: '' };
  const spaced = sameButForSpace(text, wanted);
  if (spaced !== undefined)
    return { problem: '"old" differs from the file only in white space. The file has:', body: spaced };
  const near = closestLines(text, wanted);
  if (near === undefined) return { problem: '"old" does not occur, and nothing like it', body: '' };
  return { problem: '"old" does not occur. The closest lines of the file:', body: near };
}
