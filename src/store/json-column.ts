// Owns the way from a JSON column to a value: what was stored is parsed again before anyone trusts it. Knows no table.
import type { z } from 'zod';
import { CaissonError } from '../base/errors.ts';

/** `what` names the row in the error. Throws `data_dir_unusable` if the text is not what this program writes. */
export function parseColumn<Schema extends z.ZodType>(
  text: string,
  schema: () => Schema,
  what: string,
): z.output<Schema> {
  const parsed = schema().safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
  throw new CaissonError('data_dir_unusable', `${what} in the database is not what Caisson writes${where}`, {
    hint: 'The database was changed by another program: restore a copy of it.',
  });
}

/** Undefined, which no schema of a column takes, for what is not JSON. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
