// Owns the commands that speak to a run at work: message, cancel. Decide nothing.
import type { Command } from '../context.ts';
import { endLine } from '../report.ts';
import { withOverseer } from './overview.ts';

export const messageCommand: Command = {
  usage: 'RUN "TEXT"',
  summary: 'say something to a run at work; the agent reads it before its next step',
  flags: {},
  positionals: [2, 2],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const [run = '', text = ''] = context.positionals;
      await overseer.message(run, text);
      context.terminal.line(`said to ${run}`);
      return 0;
    }),
};

export const cancelCommand: Command = {
  usage: 'RUN',
  summary: 'end a run; what it changed so far is kept as its patch',
  flags: {},
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      context.terminal.line(endLine(await overseer.cancel(context.positionals[0] ?? '')));
      return 0;
    }),
};
