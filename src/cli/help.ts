// Owns the help texts. Knows the commands' tables only.
import type { Command, FlagKind } from './context.ts';

/** Flags that every command takes. */
export const GLOBAL_FLAGS = {
  help: { type: 'boolean', help: 'this text' },
  config: { type: 'string', value: 'FILE', help: 'configuration file, instead of the user and system files' },
  'data-dir': { type: 'string', value: 'DIR', help: 'where runs and the journal are kept' },
  url: { type: 'string', value: 'URL', help: 'a running service, as http://host:8484' },
  key: { type: 'string', value: 'KEY', help: 'API key for --url, or for --endpoint' },
  endpoint: { type: 'string', value: 'URL', help: 'an OpenAI-compatible endpoint, as http://host:8000/v1' },
  gguf: { type: 'string', value: 'FILE', help: 'a GGUF file that llama.cpp runs in a process of its own' },
  model: { type: 'string', value: 'NAME', help: 'the model to use' },
  script: { type: 'string', value: 'FILE', help: 'a recorded conversation instead of a model (demo and tests)' },
  policy: { type: 'string', value: 'FILE', help: 'policy file' },
} as const satisfies Readonly<Record<string, FlagKind>>;

const NAME_WIDTH = 10;
const FLAG_WIDTH = 24;

export function helpOfAll(commands: Readonly<Record<string, Command>>): string {
  const own = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(NAME_WIDTH)} ${summary}`);
  return [
    'caisson: a self-hosted coding agent whose commands run in a sandbox and whose work is proven',
    '',
    '  caisson run "make the tests pass" --repo DIR',
    '',
    'Commands:',
    ...own,
    `  ${'serve'.padEnd(NAME_WIDTH)} the service: gateway, runs, approvals`,
    `  ${'runner'.padEnd(NAME_WIDTH)} the executor in a process of its own, on a unix socket`,
    '',
    'For every command:',
    ...flagLines(GLOBAL_FLAGS),
    '',
    'Exit status: 0 as wished (for run: the declared checks passed), 1 not as wished, 2 wrong usage, 130 interrupted.',
  ].join('\n');
}

export function helpFor(name: string, { usage, summary, flags }: Pick<Command, 'usage' | 'summary' | 'flags'>): string {
  return [
    `caisson ${name} ${usage}`.trimEnd(),
    `  ${summary}`,
    '',
    ...flagLines(flags),
    '',
    'For every command:',
    ...flagLines(GLOBAL_FLAGS),
  ].join('\n');
}

function flagLines(flags: Readonly<Record<string, FlagKind>>): readonly string[] {
  return Object.entries(flags).map(([flag, { value, help }]) => {
    const left = `--${flag}${value === undefined ? '' : ` ${value}`}`;
    return `  ${left.padEnd(FLAG_WIDTH)} ${help}`;
  });
}
