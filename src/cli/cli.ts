// Owns the table of commands and how words become one of them. Knows no command's work.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CaissonError, formatError } from '../base/errors.ts';
import { approvalsCommand, approveCommand, denyCommand, haltCommand } from './commands/airlock.ts';
import { applyCommand } from './commands/apply.ts';
import { configCommand } from './commands/config.ts';
import { doctorCommand } from './commands/doctor.ts';
import { journalCommand } from './commands/journal.ts';
import { keysCommand } from './commands/keys.ts';
import { diffCommand, runsCommand, showCommand } from './commands/overview.ts';
import { runCommand } from './commands/run.ts';
import type { Command, Context, ExitCode, FlagKind, Flags } from './context.ts';
import { GLOBAL_FLAGS, helpFor, helpOfAll } from './help.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  run: runCommand,
  runs: runsCommand,
  show: showCommand,
  diff: diffCommand,
  apply: applyCommand,
  approvals: approvalsCommand,
  approve: approveCommand,
  deny: denyCommand,
  halt: haltCommand,
  journal: journalCommand,
  keys: keysCommand,
  doctor: doctorCommand,
  config: configCommand,
};

export type Surroundings = Omit<Context, 'positionals' | 'flags' | 'config' | 'overseer'> & {
  readonly version: string;
  contextFor(flags: Flags): Pick<Context, 'config' | 'overseer'>;
};

/** Runs one command line. Never rejects: what goes wrong is said on standard error and in the exit code. */
export async function runCommandLine(words: readonly string[], around: Surroundings): Promise<ExitCode> {
  try {
    return await dispatch(words, around);
  } catch (error) {
    around.terminal.status('');
    around.terminal.remark(`caisson: ${formatError(error)}`);
    if (around.signal.aborted) return 130;
    return error instanceof CaissonError && error.code === 'usage' ? 2 : 1;
  }
}

async function dispatch(words: readonly string[], around: Surroundings): Promise<ExitCode> {
  const [name, ...rest] = words;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    around.terminal.line(helpOfAll(COMMANDS));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    around.terminal.line(around.version);
    return 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new CaissonError('usage', `there is no command "${name}"`);
  const { flags, positionals } = parseWords(name, command, rest);
  if (flags['help'] === true) {
    around.terminal.line(helpFor(name, command));
    return 0;
  }
  return command.run({ ...around, ...around.contextFor(flags), flags, positionals });
}

/** The flags and positionals of one command; throws `usage` for anything it does not take. */
export function parseWords(
  name: string,
  command: Pick<Command, 'flags' | 'positionals' | 'usage'>,
  words: readonly string[],
): { readonly flags: Flags; readonly positionals: readonly string[] } {
  const kinds: Readonly<Record<string, FlagKind>> = { ...GLOBAL_FLAGS, ...command.flags };
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [flag, { type, multiple }] of Object.entries(kinds)) options[flag] = { type, multiple: multiple ?? false };
  const parsed = parse(name, words, options);
  const [fewest, most] = command.positionals;
  const count = parsed.positionals.length;
  if (parsed.values['help'] !== true && (count < fewest || count > most))
    throw new CaissonError('usage', `caisson ${name} takes: caisson ${name} ${command.usage}`.trimEnd());
  return { flags: parsed.values as Flags, positionals: parsed.positionals };
}

function parse(name: string, words: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (cause) {
    const message = (cause as Error).message.split('. ')[0] ?? '';
    throw new CaissonError('usage', `caisson ${name}: ${message}`, { cause, hint: `See \`caisson ${name} --help\`.` });
  }
}
