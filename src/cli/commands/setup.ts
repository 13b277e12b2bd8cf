// Owns `caisson setup`: which set-ups are kept, what one was made from, away with it. Knows no file.
import { CaissonError } from '../../base/errors.ts';
import type { SetupEntry } from '../../contracts/setups.ts';
import type { Command, Context, ExitCode } from '../context.ts';
import { seconds } from '../lines.ts';
import { withOverseer } from './overview.ts';

const MEGABYTE = 1024 * 1024;
const SHORT = 60;

export const setupCommand: Command = {
  usage: 'list | show KEY | drop KEY',
  summary: 'what was made ready for runs and is kept: list it, look at one, drop one',
  flags: { json: { type: 'boolean', help: 'print JSON for a program' } },
  positionals: [1, 2],
  run: runSetup,
};

async function runSetup(context: Context): Promise<ExitCode> {
  const [verb = '', key] = context.positionals;
  if (verb === 'list' && key === undefined) return listSetups(context);
  if ((verb === 'show' || verb === 'drop') && key !== undefined) return onOne(verb, key, context);
  throw new CaissonError('usage', 'caisson setup takes: list, show KEY, or drop KEY');
}

async function listSetups(context: Context): Promise<ExitCode> {
  return withOverseer(context, async ({ setups }) => {
    const all = await setups.list();
    if (context.flags['json'] === true) context.terminal.line(JSON.stringify(all));
    else if (all.length === 0) context.terminal.remark('no set-up is kept: caisson run "task" --setup "npm ci"');
    else for (const entry of all) context.terminal.line(setupLine(entry));
    return 0;
  });
}

async function onOne(verb: 'show' | 'drop', key: string, context: Context): Promise<ExitCode> {
  const { terminal, flags } = context;
  return withOverseer(context, async ({ setups }) => {
    const entry = verb === 'show' ? await setups.get(key) : await setups.drop(key);
    if (flags['json'] === true) terminal.line(JSON.stringify(entry));
    else if (verb === 'drop') terminal.line(`dropped ${setupLine(entry)}`);
    else for (const line of setupLines(entry)) terminal.line(line);
    return 0;
  });
}

function setupLine({ key, usedAt, files, bytes, commands }: SetupEntry): string {
  const text = commands.join('; ').replaceAll(/\s+/g, ' ');
  const shown = text.length > SHORT ? `${text.slice(0, SHORT - 1)}…` : text;
  return `${key}  ${when(usedAt)}  ${size(bytes).padStart(10)}  ${String(files).padStart(6)} files  ${shown}`;
}

function setupLines(entry: SetupEntry): readonly string[] {
  const { key, team, commands, tree, seen, tops, files, bytes, leftOut, ms, madeAt, usedAt, toolchain } = entry;
  return [
    `set-up   ${key} of the team ${team}`,
    ...commands.map((command) => `command  ${command}`),
    `from     ${seen} files of the repository, as the tree ${tree}`,
    `made     ${tops.join(', ') || 'nothing in the work tree'}`,
    `holds    ${files} files, ${size(bytes)}${leftOut === 0 ? '' : `; ${leftOut} that are no files are left out`}`,
    `times    took ${seconds(ms)}, made ${when(madeAt)}, last used ${when(usedAt)}`,
    'programs',
    ...toolchain
      .trim()
      .split('\n')
      .map((line) => `  ${line}`),
  ];
}

function when(time: number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

function size(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`;
}
