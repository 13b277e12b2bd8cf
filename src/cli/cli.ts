// Owns the table of commands and how words become one of them. Knows no command's work.
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { closestWord } from '../base/closest.ts';
import { CaissonError, formatError } from '../base/errors.ts';
import type { Command, Context, ExitCode, FlagKind, Flags } from './context.ts';
import { GLOBAL_FLAGS, helpFor, helpOfAll } from './help.ts';

/** A command is loaded when it is named: most know rooms that the others do not need. */
export type Loaders = Readonly<Record<string, () => Promise<Command>>>;

export type Surroundings = Omit<Context, 'positionals' | 'flags' | 'config' | 'overseer'> & {
  readonly version: string;
  readonly commands: Loaders;
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
    around.terminal.line(helpOfAll(await loadAll(around.commands)));
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    around.terminal.line(around.version);
    return 0;
  }
  const command = await loadOne(name, around.commands);
  const { flags, positionals } = parseWords(name, command, rest);
  if (flags['help'] === true) {
    around.terminal.line(helpFor(name, command));
    return 0;
  }
  return command.run({ ...around, ...around.contextFor(flags), flags, positionals });
}

async function loadOne(name: string, commands: Loaders): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load !== undefined) return load();
  const meant = closestWord(name, Object.keys(commands));
  const words = meant === undefined ? '' : `; did you mean "${meant}"?`;
  throw new CaissonError('usage', `there is no command "${name}"${words}`);
}

async function loadAll(commands: Loaders): Promise<Readonly<Record<string, Command>>> {
  const pairs = await Promise.all(Object.entries(commands).map(async ([name, load]) => [name, await load()] as const));
  return Object.fromEntries(pairs);
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
