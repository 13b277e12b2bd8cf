// Owns the mistakes found in one reading of what a person wrote, and the error that reports them all. Knows no schema, no format.
import { CaissonError, type ErrorCode, type ErrorPlace } from './errors.ts';

/** Names of keys and numbers of list items, from the outside in. */
export type FieldPath = readonly (string | number)[];

export interface Problem {
  readonly place: ErrorPlace;
  /** What was wrong and what was expected. Never a value that could be a secret. */
  readonly text: string;
}

const MOST_SHOWN = 50;

/** One error for all of them: its place is the first one's, its message lists every one on a line of its own. */
export function problemsError(code: ErrorCode, problems: readonly Problem[]): CaissonError {
  const [first, ...rest] = problems;
  if (first === undefined) throw new CaissonError('internal', 'an error was asked for without a problem');
  const lines = rest.slice(0, MOST_SHOWN).map(({ place, text }) => `\n  ${placeText(place)}: ${text}`);
  const more = rest.length > MOST_SHOWN ? `\n  and ${rest.length - MOST_SHOWN} more` : '';
  return new CaissonError(code, `${first.text}${lines.join('')}${more}`, { place: first.place });
}

/** In the order of the file. */
export function byPlace(left: Problem, right: Problem): number {
  return (left.place.line ?? 0) - (right.place.line ?? 0) || (left.place.column ?? 0) - (right.place.column ?? 0);
}

/** `server.port`, `backends[0].name`. */
export function fieldName(path: FieldPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part}`))
    .join('');
}

function placeText({ file, line, column, field }: ErrorPlace): string {
  const position = [file, line, column].filter((part) => part !== undefined).join(':');
  return [position, field].filter((part) => part !== undefined && part !== '').join(' ');
}
