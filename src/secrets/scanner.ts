// Owns the finding of values in text that may be cut off, and what is put in their place. Knows no secret by name.
import { ANY_DIGIT, LINE_BREAK, turnBorder } from './base64-forms.ts';
import { formsOf } from './forms.ts';
import { createSuspicion } from './suspects.ts';
import type { Border, Form, Substitution } from './substitution.ts';

/** `text` is latin1: one character for each byte. */
export interface Scanner {
  /**
   * What may go on, with placeholders where values stood, of the same length; and the rest, which may be the beginning of a value
   * and is to be given again in front of what follows. `isLast`: nothing follows, and nothing is held.
   */
  substitute(text: string, isLast: boolean): { readonly passed: string; readonly held: string };
}

/** Where a value was found, the characters beside it that hold some of its bits included. */
export interface Found {
  readonly start: number;
  readonly end: number;
  readonly substitution: Substitution;
}

interface Wanted {
  readonly form: Form;
  readonly substitution: Substitution;
  /** Of each unit, to be tried at one place. */
  readonly steps: readonly RegExp[];
}

interface Compiled {
  readonly wanted: readonly Wanted[];
  /** The first units of any. */
  readonly heads: RegExp;
  /** The first unit of any. */
  readonly first: RegExp;
  /** Characters of the longest form. */
  readonly longest: number;
}

interface Match extends Found {
  readonly turned: string;
  /** It ends where the text ends, and the next character would share its bits. */
  readonly cut: boolean;
}

/** What one unit is long at most, in ordinary text. */
const LONGEST_UNIT = 16;
const BEFORE = new RegExp(`(${ANY_DIGIT})(${LINE_BREAK})$`);
/** Without a break: a line that ended is not held. */
const LAST_DIGIT = new RegExp(`${ANY_DIGIT}$`);
const BEHIND = new RegExp(`(${LINE_BREAK})(${ANY_DIGIT})`, 'y');
/** Characters that are looked at for what stands beside a match. */
const BESIDE_CHARACTERS = 32;
/** The beginning of an escape, or of two hex digits. */
const BEGUN_ESCAPE = '%[0-9a-fA-F]{0,5}|\\\\+(?:u0{0,2}|x)?[0-9a-fA-F]?|&[#a-zA-Z0-9]{0,6}|[0-9a-fA-F]';
const BEGUN_FIRST = new RegExp(`^(?:${BEGUN_ESCAPE})$`);
/** The same behind what may stand between two units. */
const BEGUN_NEXT = new RegExp(`^${LINE_BREAK}[:,-]?(?:\\0|0[xX]?)?(?:${BEGUN_ESCAPE})?$`);
const NOTHING = '(?!)';
/** By so many, text that is no value is told from one; a pattern of all of them would be too large for long values. */
const HEAD_UNITS = 10;

export function createScanner(substitutions: readonly Substitution[]): Scanner {
  const compiled = compile(substitutions);
  return {
    substitute: (text, isLast) => {
      let limit = isLast ? text.length : beginning(text, compiled);
      let [passed, done] = ['', 0];
      for (const match of matchesIn(text, compiled)) {
        if (match.start >= limit) break;
        if (match.cut && !isLast) {
          limit = match.start;
          break;
        }
        passed += text.slice(done, match.start) + match.turned;
        done = match.end;
      }
      limit = Math.max(limit, done);
      return { passed: passed + text.slice(done, limit), held: text.slice(limit) };
    },
  };
}

/** Every place of a value in a whole text, in order, none over another. There may be very many values. */
export function createFinder(substitutions: readonly Substitution[]): (text: string) => readonly Found[] {
  const suspects = createSuspicion(substitutions);
  const compiled = new Map<Substitution, Compiled>();
  const of = (one: Substitution) => {
    const known = compiled.get(one) ?? compile([one]);
    compiled.set(one, known);
    return known;
  };
  return (text) => {
    const found = suspects(text).flatMap((one) => [...matchesIn(text, of(one))]);
    return apart(found.toSorted((left, right) => left.start - right.start || right.end - left.end));
  };
}

/** Of two that lie over each other, the first and longer one. */
function apart(found: readonly Match[]): readonly Match[] {
  let end = 0;
  return found.filter((one) => {
    if (one.start < end) return false;
    end = one.end;
    return true;
  });
}

function compile(substitutions: readonly Substitution[]): Compiled {
  // A value may hold another one: the longer one is looked for first.
  const ordered = substitutions.toSorted((left, right) => right.value.length - left.value.length);
  const known = new Map<string, RegExp>();
  const step = (pattern: string) => {
    const made = known.get(pattern) ?? new RegExp(pattern, 'y');
    known.set(pattern, made);
    return made;
  };
  const wanted = ordered.flatMap((substitution) =>
    formsOf(substitution).map((form) => ({
      form,
      substitution,
      steps: form.units.map(({ pattern }) => step(pattern)),
    })),
  );
  const heads = (units: number) =>
    wanted.map(({ form }) =>
      form.units
        .slice(0, units)
        .map(({ pattern }) => pattern)
        .join(''),
    );
  return {
    wanted,
    heads: new RegExp(heads(HEAD_UNITS).join('|') || NOTHING, 'g'),
    first: new RegExp([...heads(1), `(?:${BEGUN_ESCAPE})$`].join('|'), 'g'),
    longest: Math.max(0, ...wanted.map(({ steps }) => steps.length)) * LONGEST_UNIT,
  };
}

function* matchesIn(text: string, { heads, wanted }: Compiled): Generator<Match> {
  heads.lastIndex = 0;
  let done = 0;
  for (let found = heads.exec(text); found !== null; found = heads.exec(text)) {
    const match = matchAt(text, found.index, wanted, done);
    heads.lastIndex = match?.end ?? found.index + 1;
    if (match === undefined) continue;
    done = match.end;
    yield match;
  }
}

function matchAt(text: string, index: number, wanted: readonly Wanted[], done: number): Match | undefined {
  for (const one of wanted) {
    const end = wholeEnd(text, index, one);
    if (end !== undefined) return withBorders(text, index, end, one, done);
  }
  return undefined;
}

/** As it is comes first: a sign may look like the beginning of an escape. */
function wholeEnd(text: string, index: number, one: Wanted): number | undefined {
  const { value } = one.substitution;
  if (isPlain(one) && text.startsWith(value, index)) return index + value.length;
  return walk(text, index, one.steps).end;
}

function isPlain({ form }: Wanted): boolean {
  return form.isPlain === true;
}

function withBorders(text: string, index: number, end: number, one: Wanted, done: number): Match {
  const { before, behind } = one.form;
  const first = before === undefined ? undefined : borderBefore(text, index, before, done);
  const last = behind === undefined ? undefined : borderBehind(text, end, behind);
  return {
    start: index - (first?.length ?? 0),
    end: end + (last?.length ?? 0),
    turned: `${first ?? ''}${turnCore(text.slice(index, end), one)}${last ?? ''}`,
    cut: behind !== undefined && last === undefined && BEGUN_NEXT.test(text.slice(end, end + BESIDE_CHARACTERS)),
    substitution: one.substitution,
  };
}

function borderBefore(text: string, index: number, border: Border, done: number): string | undefined {
  const found = BEFORE.exec(text.slice(Math.max(done, index - BESIDE_CHARACTERS), index));
  return found === null ? undefined : turnBorder(found[1] ?? '', border) + (found[2] ?? '');
}

function borderBehind(text: string, end: number, border: Border): string | undefined {
  BEHIND.lastIndex = end;
  const found = BEHIND.exec(text);
  return found === null ? undefined : (found[1] ?? '') + turnBorder(found[2] ?? '', border);
}

/** Unit by unit. What cannot be told apart so, as signs that also begin an escape, is covered without looking. */
function turnCore(core: string, one: Wanted): string {
  const { form, steps, substitution } = one;
  if (isPlain(one) && core === substitution.value) return substitution.placeholder;
  let [turned, at] = ['', 0];
  for (const [index, { turn }] of form.units.entries()) {
    const end = stepOver(core, at, steps[index]);
    if (end === undefined) break;
    turned += turn(core.slice(at, end));
    at = end;
  }
  const isWhole = at === core.length && turned.length === core.length;
  return isWhole ? turned : substitution.placeholder.slice(0, core.length).padEnd(core.length, 'x');
}

/** Where the rest begins that may be the beginning of a value; the length of the text if there is none. */
function beginning(text: string, { wanted, first, longest }: Compiled): number {
  first.lastIndex = Math.max(0, text.length - longest);
  for (let found = first.exec(text); found !== null; found = first.exec(text)) {
    const start = found.index;
    const begun = wanted.filter((one) => begins(text, start, one));
    if (begun.length > 0) return begun.some(({ form }) => form.before !== undefined) ? shareStart(text, start) : start;
    first.lastIndex = start + 1;
  }
  return text.length - (LAST_DIGIT.exec(text.slice(-BESIDE_CHARACTERS))?.[0].length ?? 0);
}

function begins(text: string, start: number, one: Wanted): boolean {
  const { value } = one.substitution;
  const rest = text.slice(start, start + value.length);
  const isAtEnd = rest.length < value.length && start + rest.length === text.length;
  return (isPlain(one) && isAtEnd && value.startsWith(rest)) || walk(text, start, one.steps).isBegun;
}

/** Where the digit stands that may hold the first bits of what comes behind it. */
function shareStart(text: string, index: number): number {
  const found = BEFORE.exec(text.slice(Math.max(0, index - BESIDE_CHARACTERS), index));
  return index - (found?.[0].length ?? 0);
}

/** `end`: of all units. `isBegun`: the text ends before the units do. */
function walk(
  text: string,
  start: number,
  steps: readonly RegExp[],
): { readonly end?: number; readonly isBegun: boolean } {
  let [at, isBegun] = [start, false];
  for (const step of steps) {
    const isNear = text.length - at <= LONGEST_UNIT;
    isBegun ||= isNear && (at === start ? BEGUN_FIRST : BEGUN_NEXT).test(text.slice(at));
    const end = stepOver(text, at, step);
    if (end === undefined) return { isBegun };
    at = end;
  }
  return { end: at, isBegun: false };
}

function stepOver(text: string, at: number, step: RegExp | undefined): number | undefined {
  if (step === undefined) return undefined;
  step.lastIndex = at;
  return step.test(text) ? step.lastIndex : undefined;
}
