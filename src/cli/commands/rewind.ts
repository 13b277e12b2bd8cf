// Owns `caisson rewind`: a new run goes on where an old one was after a step. Knows no file and no conversation.
import { CaissonError } from '../../base/errors.ts';
import { type Command, textFlag } from '../context.ts';
import { followRun } from '../follow.ts';
import { isGreen } from '../report.ts';
import { askHere } from '../settle.ts';
import { stepFlag, withOverseer } from './overview.ts';
import { conclude } from './run.ts';

export const rewindCommand: Command = {
  usage: 'RUN',
  summary: 'go on from an earlier step of a run, as a new run; the old one stays as it is',
  flags: {
    to: { type: 'string', value: 'STEP', help: 'the step: its files, and the conversation up to it' },
    say: { type: 'string', value: 'TEXT', help: 'say this to the agent before it goes on' },
    json: { type: 'boolean', help: 'print each event as a JSON line, the run as the last' },
  },
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const { positionals, terminal, flags } = context;
      const step = stepFlag(context, 'to');
      if (step === undefined)
        throw new CaissonError('usage', 'say which step with --to STEP; `caisson show RUN` lists them');
      const old = positionals[0] ?? '';
      const message = textFlag(flags, 'say');
      const started = await overseer.rewind(old, message === undefined ? { step } : { step, message });
      const json = flags['json'] === true;
      if (!json) terminal.line(`run     ${started.id} goes on where ${old} was after step ${step}\n`);
      const onAsked = (question: string) => askHere(question, false, overseer, context);
      const run = await followRun(started, overseer, context, { json, onAsked });
      if (json) terminal.line(JSON.stringify(run));
      else await conclude(run, overseer, context);
      if (context.signal.aborted) return 130;
      return isGreen(run) ? 0 : 1;
    }),
};
