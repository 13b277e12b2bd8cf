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
  const heads = [...new Set(marks.map(first))];
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
      const at = mayBegin(whole, heads, marks);
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
function mayBegin(text: string, heads: readonly string[], marks: readonly string[]): number {
  const at = Math.max(...heads.map((head) => text.lastIndexOf(head)), -1);
  if (at === -1) return text.length;
  const head = first(text.slice(at));
  const rest = text.slice(at + head.length).replace(new RegExp(`^${JOINER}{1,${MOST_JOINERS}}`, 'u'), '');
  const isOpen = marks.some(
    (mark) => first(mark) === head && mark.slice(head.length).startsWith(rest) && head + rest !== mark,
  );
  return isOpen ? at : text.length;
}
