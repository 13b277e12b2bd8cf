// Owns `caisson hold`: the files of a run stay until they are let go. Knows no disk.
import type { Command } from '../context.ts';
import { withOverseer } from './overview.ts';

export const holdCommand: Command = {
  usage: 'RUN',
  summary: 'keep the files of a run, whatever their age and the disk; --release lets them go',
  flags: { release: { type: 'boolean', help: 'they may be collected again' } },
  positionals: [1, 1],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const run = context.positionals[0] ?? '';
      const held = context.flags['release'] !== true;
      await overseer.hold(run, held);
      context.terminal.line(held ? `${run} is held` : `${run} is held no more`);
      return 0;
    }),
};
