// Owns what a model is told of the set-up of its run: a line or two. Knows no sandbox and no cache.
import type { SetupEntry } from '../../contracts/setups.ts';
import { showPath } from '../../workspace/byte-path.ts';
import type { SetupPlan } from './plan.ts';

const MOST_PATHS = 5;
const MOST_CHARACTERS = 1000;

/** The same whether it was made for this run or for one before. */
export function readyNote({ commands, tops, files }: SetupEntry): string {
  const shown = tops.slice(0, MOST_PATHS).map(showPath);
  const more = tops.length > MOST_PATHS ? ` and ${tops.length - MOST_PATHS} more` : '';
  const made = shown.length === 0 ? 'files in the home directory' : `${shown.join(', ')}${more}`;
  return (
    `Set up before you came: ${quotedAll(commands)} made ${made} (${files} files). ` +
    'The checks have them too; they are no part of your patch.'
  );
}

export function failedNote(commands: readonly string[], why: string): string {
  const cut = why.length > MOST_CHARACTERS ? `${why.slice(0, MOST_CHARACTERS)}…` : why;
  return `The set-up (${quotedAll(commands)}) failed, so dependencies may be missing:\n${cut}`;
}

export function skippedNote({ run, locks }: SetupPlan): string {
  return `Dependencies may be missing: ${locks.join(', ')} asks for ${quotedAll(run)}, and no network is allowed for it.`;
}

function quotedAll(commands: readonly string[]): string {
  return commands.map((command) => `\`${command}\``).join(', ');
}
