// Owns `caisson apply`: a finished run's patch becomes a new branch. Never touches a work tree or an index.
import { type Command, textFlag } from '../context.ts';
import { applyRun } from '../settle.ts';
import { withOverseer } from './overview.ts';
import { refOf } from './run.ts';

export const applyCommand: Command = {
  usage: 'RUN',
  summary: 'put the patch of a finished run on a new branch of the repository',
  flags: {
    repo: { type: 'string', value: 'DIR', help: 'the repository the run came from (the current directory)' },
    branch: { type: 'string', value: 'NAME', help: 'name of the new branch (caisson/RUN)' },
    yes: { type: 'boolean', help: 'the answer is yes' },
  },
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const run = context.positionals[0] ?? '';
      const ref = refOf(textFlag(context.flags, 'branch') ?? `caisson/${run}`);
      const repo = textFlag(context.flags, 'repo') ?? process.cwd();
      const yes = context.flags['yes'] === true;
      const applied = await applyRun({ run, repo, wish: { ref, remote: 'local' }, yes }, overseer, context);
      if (applied === undefined) return 1;
      context.terminal.line(`${applied.ref} is ${applied.commit}, on ${applied.base}`);
      for (const warning of applied.warnings) context.terminal.remark(`warning: ${warning}`);
      context.terminal.line(applied.checkout);
      return 0;
    }),
};
