// Owns the commands of the airlock: approvals, approve, deny, halt. Know no rule.
import { CaissonError } from '../../base/errors.ts';
import type { GrantScope } from '../../contracts/decisions.ts';
import { type Command, type Context, type ExitCode, type Flags, textFlag } from '../context.ts';
import type { Overseer } from '../overseer.ts';
import { durationOf } from './key-limits.ts';
import { withOverseer } from './overview.ts';

const noteFlag = { note: { type: 'string', value: 'TEXT', help: 'why, for the journal' } } as const;

export const approvalsCommand: Command = {
  usage: '',
  summary: 'questions that wait for a person',
  flags: {
    all: { type: 'boolean', help: 'also those that were answered' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [0, 0],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const questions = await overseer.questions(context.flags['all'] === true);
      if (context.flags['json'] === true) context.terminal.line(JSON.stringify(questions));
      else if (questions.length === 0) context.terminal.remark('nothing waits for a person');
      else
        for (const { id, state, run, summary, expiresAt } of questions)
          context.terminal.line(
            `${id}  ${state.padEnd(8)} ${run}  ${summary}  (until ${new Date(expiresAt).toISOString()})`,
          );
      return 0;
    }),
};

export const approveCommand: Command = {
  usage: 'QUESTION',
  summary: 'say yes to a question, after showing what it means',
  flags: {
    ...noteFlag,
    yes: { type: 'boolean', help: 'do not ask again at the terminal' },
    for: { type: 'string', value: 'TIME', help: 'of the network: as long as that, as 10m or 2h' },
    uses: { type: 'string', value: 'N', help: 'of the network: so many requests' },
    run: { type: 'boolean', help: 'of the network: as long as the run (the default)' },
  },
  positionals: [1, 1],
  run: (context) => withOverseer(context, (overseer) => answer('approve', overseer, context)),
};

export const denyCommand: Command = {
  usage: 'QUESTION',
  summary: 'say no to a question',
  flags: noteFlag,
  positionals: [1, 1],
  run: (context) => withOverseer(context, (overseer) => answer('deny', overseer, context)),
};

export const revokeCommand: Command = {
  usage: 'QUESTION',
  summary: 'take a yes back; an open network is closed before the next command of the run',
  flags: {},
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const id = context.positionals[0] ?? '';
      const { record } = await overseer.question(id);
      const { state } = await overseer.answer(id, { verdict: 'revoke', shown: record.shown, note: '' });
      context.terminal.line(`${id} ${state}`);
      return 0;
    }),
};

export const haltCommand: Command = {
  usage: '',
  summary: 'stop all runs and revoke all grants at once; nothing starts until --release',
  flags: { ...noteFlag, release: { type: 'boolean', help: 'let runs start again' } },
  positionals: [0, 0],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      if (context.flags['release'] === true) {
        await overseer.release();
        context.terminal.line('released: runs may start again');
        return 0;
      }
      const { cancelled, revoked } = await overseer.halt(textFlag(context.flags, 'note') ?? '');
      context.terminal.line(`halted: ${cancelled} runs cancelled, ${revoked} questions and grants revoked`);
      return 0;
    }),
};

/** Nothing said: the service's default. Throws `usage`. */
function scopeOf(flags: Flags): { readonly scope?: GrantScope } {
  const time = textFlag(flags, 'for');
  const uses = textFlag(flags, 'uses');
  const run = flags['run'] === true;
  if (run && (time !== undefined || uses !== undefined))
    throw new CaissonError('usage', '--run is as long as the run: give it alone, or --for and --uses');
  if (uses !== undefined && !/^[1-9]\d{0,5}$/.test(uses))
    throw new CaissonError('usage', `--uses ${uses}: give a number of requests, such as 3`);
  if (!run && time === undefined && uses === undefined) return {};
  const ms = time === undefined ? {} : { ms: durationOf('for', time) };
  return { scope: { ...ms, ...(uses === undefined ? {} : { uses: Number(uses) }) } };
}

async function answer(verdict: 'approve' | 'deny', overseer: Overseer, context: Context): Promise<ExitCode> {
  const id = context.positionals[0] ?? '';
  const scope = scopeOf(context.flags);
  const { record, shown } = await overseer.question(id);
  if (record.state !== 'waiting') throw new CaissonError('approval_gone', `question ${id} is ${record.state}`);
  context.terminal.line(shown);
  const sure =
    verdict === 'deny' ||
    context.flags['yes'] === true ||
    !context.terminal.interactive ||
    (await context.confirm('Approve?'));
  if (!sure) return 1;
  const note = textFlag(context.flags, 'note') ?? '';
  const { state } = await overseer.answer(id, { verdict, shown: record.shown, note, ...scope });
  context.terminal.line(`${id} ${state}`);
  return 0;
}
