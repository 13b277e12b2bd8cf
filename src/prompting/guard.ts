// Owns the difference between a mark of the template and text that looks like one. Knows no template's grammar.

/** WORD JOINER: has no width and is no part of any mark, so a tokenizer finds none; what stands there can still be read. */
const JOINER = '\u2060';
const SHORTEST = 3;
/** More joiners in a row than this are text of their own. */
const MOST_JOINERS = 16;

/** Marks broken up on the way into a prompt and made whole again on the way out: nothing is lost in between. */
export interface Guard {
  /** `kept`: marks that stay whole. */
  breakUp(text: string, kept?: readonly string[]): string;
  restorer(): Restorer;
}

export interface Restorer {
  /** Text with its marks made whole; an end that may be the beginning of a broken mark is held back. */
  push(text: string): string;
  end(): string;
}

/** `marks`: texts that an engine takes for control tokens. */
export function guardAgainst(marks: readonly string[]): Guard {
  const known = marks.filter((mark) => mark.length >= SHORTEST).sort((left, right) => right.length - left.length);
  const broken = new RegExp(
    known.map((mark) => `${quote(mark.slice(0, 1))}${JOINER}{0,${MOST_JOINERS - 1}}${quote(mark.slice(1))}`).join('|'),
    'gu',
  );
  return {
    breakUp: (text, kept = []) =>
      known.length === 0
        ? text
        : text.replace(broken, (found) =>
            kept.includes(found) ? found : first(found) + JOINER + found.slice(first(found).length),
          ),
    restorer: () => restorerOf(known),
  };
}

function first(text: string): string {
  return String.fromCodePoint(text.codePointAt(0) ?? 0);
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

function restorerOf(marks: readonly string[]): Restorer {
  const heads = [...new Set(marks.map((mark) => mark.charAt(0)))];
  const longest = Math.max(0, ...marks.map((mark) => mark.length)) + MOST_JOINERS;
  const pattern = new RegExp(
    marks
      .map(
        (mark) =>
          `(?<=${quote(first(mark))}${JOINER}{0,${MOST_JOINERS - 1}})${JOINER}(?=${quote(mark.slice(first(mark).length))})`,
      )
      .join('|'),
    'gu',
  );
  let held = '';
  const restore = (text: string) => (text.includes(JOINER) ? text.replace(pattern, '') : text);
  return {
    push(text) {
      const whole = held + text;
      const at = mayBegin(whole, heads, marks, longest);
      held = whole.slice(at);
      return restore(whole.slice(0, at));
    },
    end() {
      const rest = restore(held);
      held = '';
      return rest;
    },
  };
}

/** Where an end begins that more text could make a broken mark of; the length if there is none. */
function mayBegin(text: string, heads: readonly string[], tails: readonly string[], longest: number): number {
  for (let at = text.length - 1; at >= 0 && at >= text.length - longest; at -= 1) {
    const head = text.charAt(at);
    if (!heads.includes(head)) continue;
    const rest = withoutJoiners(text.slice(at + 1));
    if (tails.some((tail) => tail.startsWith(head + rest) && tail !== head + rest)) return at;
  }
  return text.length;
}

function withoutJoiners(text: string): string {
  let at = 0;
  while (text.charAt(at) === JOINER) at += 1;
  return text.slice(at);
}
