// Owns `caisson config`: what holds and where it comes from; is a file right. Changes nothing, prints no secret.
import { CaissonError } from '../../base/errors.ts';
import { showConfig } from '../../config/show.ts';
import { validateFile } from '../../config/validate.ts';
import { type Command, type Context, type ExitCode, textFlag } from '../context.ts';

export const configCommand: Command = {
  usage: 'show | validate [FILE]',
  summary: 'the configuration that holds, or whether a file is right',
  flags: {
    origin: { type: 'boolean', help: 'with show: where each value comes from' },
    repo: { type: 'string', value: 'DIR', help: "with show: count this repository's .caisson.yaml" },
  },
  positionals: [1, 2],
  run: runConfig,
};

async function runConfig(context: Context): Promise<ExitCode> {
  const [verb, file] = context.positionals;
  const { terminal, flags } = context;
  if (verb === 'show' && file === undefined) {
    const loaded = await context.config(textFlag(flags, 'repo'));
    terminal.line(showConfig(loaded, { origin: flags['origin'] === true }).trimEnd());
    return 0;
  }
  if (verb !== 'validate') throw new CaissonError('usage', 'caisson config takes: show, or validate [FILE]');
  if (file === undefined) await context.config();
  else await validateFile(file);
  terminal.line(`${file ?? 'the configuration'} is right`);
  return 0;
}
