// Owns the commands of the airlock: approvals, approve, deny, halt. Know no rule.
import { CaissonError } from '../../base/errors.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';
import type { Overseer } from '../overseer.ts';
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
  flags: { ...noteFlag, yes: { type: 'boolean', help: 'do not ask again at the terminal' } },
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

async function answer(verdict: 'approve' | 'deny', overseer: Overseer, context: Context): Promise<ExitCode> {
  const id = context.positionals[0] ?? '';
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
  const { state } = await overseer.answer(id, { verdict, shown: record.shown, note });
  context.terminal.line(`${id} ${state}`);
  return 0;
}
