// Owns the mistakes found in one reading of the configuration and the error that reports all of them. Knows no schema.
import { CaissonError, type ErrorPlace } from '../base/errors.ts';

export type Path = readonly (string | number)[];

export interface Problem {
  readonly place: ErrorPlace;
  /** What was wrong and what was expected. Never a value that could be a secret. */
  readonly text: string;
}

const MOST_SHOWN = 50;

/** One error for all of them: its place is the first one's, its message lists every one. */
export function configError(problems: readonly Problem[]): CaissonError {
  const [first, ...rest] = problems;
  if (first === undefined) throw new CaissonError('internal', 'an error was asked for without a problem');
  const lines = rest.slice(0, MOST_SHOWN).map(({ place, text }) => `\n  ${placeText(place)}: ${text}`);
  const more = rest.length > MOST_SHOWN ? `\n  and ${rest.length - MOST_SHOWN} more` : '';
  return new CaissonError('config_invalid', `${first.text}${lines.join('')}${more}`, { place: first.place });
}

/** `server.port`, `backends[0].name`. */
export function fieldName(path: Path): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part}`))
    .join('');
}

function placeText({ file, line, column, field }: ErrorPlace): string {
  const position = [file, line, column].filter((part) => part !== undefined).join(':');
  return [position, field].filter((part) => part !== undefined && part !== '').join(' ');
}
