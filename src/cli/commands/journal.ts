// Owns `caisson journal verify`: the verdicts on a journal, of this machine or a copy. Changes nothing.
import { CaissonError } from '../../base/errors.ts';
import type { JournalVerdict } from '../../contracts/journal.ts';
import { verifyOffline } from '../../offline.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';

export const journalCommand: Command = {
  usage: 'verify [FILE]',
  summary: 'is every event there and unchanged? FILE: a copy of caisson.db',
  flags: {
    head: { type: 'string', value: 'FILE', help: 'the head file (journal.head beside the database)' },
    'journal-key': { type: 'string', value: 'FILE', help: 'the key of the head (journal.key beside the database)' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [1, 2],
  run: verify,
};

async function verify(context: Context): Promise<ExitCode> {
  const [verb, file] = context.positionals;
  if (verb !== 'verify') throw new CaissonError('usage', 'caisson journal takes: verify [FILE]');
  const { flags, terminal } = context;
  const head = textFlag(flags, 'head');
  const key = textFlag(flags, 'journal-key');
  const verdict = await verifyOffline({
    ...(file === undefined ? { loaded: await context.config() } : { file }),
    ...(head === undefined ? {} : { head }),
    ...(key === undefined ? {} : { key }),
  });
  if (flags['json'] === true) terminal.line(JSON.stringify(verdict));
  else for (const line of verdictLines(verdict)) terminal.line(line);
  return isSound(verdict) ? 0 : 1;
}

/** A crash before the head was written loses nothing: it is told, not a fault. */
export function isSound({ integrity, completeness }: JournalVerdict): boolean {
  return integrity.ok && (completeness.state === 'complete' || completeness.state === 'crashed_before_head');
}

export function verdictLines(verdict: JournalVerdict): readonly string[] {
  const { integrity, completeness, events, chains, prunedContents } = verdict;
  const first = isSound(verdict) ? `journal verified: ${events} events in ${chains} chains` : 'journal NOT verified';
  const pruned = prunedContents === 0 ? [] : [`  pruned      ${prunedContents} contents were removed on purpose`];
  const whole = integrity.ok
    ? 'every event and content matches its hash and its place'
    : `${integrity.bad} bad; the first is event ${integrity.first.seq} of ${integrity.first.chain}: ${integrity.first.problem}`;
  return [first, `  integrity   ${whole}`, `  completeness ${completenessText(completeness)}`, ...pruned];
}

function completenessText(completeness: JournalVerdict['completeness']): string {
  switch (completeness.state) {
    case 'complete':
      return 'the end is there';
    case 'crashed_before_head':
      return `crashed before the head was written: ${completeness.ahead} events more than the head counts`;
    case 'cut':
      return `cut: ${completeness.chain} has ${completeness.found} events, the head counts ${completeness.expected}`;
    case 'head_missing':
      return `the head file is missing: ${completeness.detail}`;
    case 'head_forged':
      return `the head does not match its key: ${completeness.detail}`;
    case 'key_missing':
      return `the key is missing, so a cut end cannot be told: ${completeness.detail}`;
  }
  return completeness satisfies never;
}
